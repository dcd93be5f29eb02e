"""Formats for German: 28. November 2026, 11:39."""

DATE_FORMAT = "j. F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j. F Y, H:i"
