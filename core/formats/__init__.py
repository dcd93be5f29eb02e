"""Formats of dates and times by language, for settings.FORMAT_MODULE_PATH. Other languages use Django's formats."""
