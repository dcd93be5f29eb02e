"""Dates and times as text, in the shop's time zone and the active language.

No other module formats a date or a time. `core/formats/` defines the formats of each language, also for the admin.
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format, time_format


def is_time_zone(name: str) -> bool:
    """Check whether this is the name of a time zone, such as Europe/London."""
    try:
        return bool(ZoneInfo(name))
    except (KeyError, ValueError, OSError):  # an unknown name, a path that leads elsewhere, a folder such as Europe
        return False


def in_shop_zone(moment: datetime) -> datetime:
    """Return the same moment in settings.TIME_ZONE."""
    return timezone.localtime(moment, timezone.get_default_timezone())


def shop_date(moment: datetime) -> date:
    """Return the date of the moment in the shop's time zone."""
    return in_shop_zone(moment).date()


def start_of_day(day: date) -> datetime:
    """Return the beginning of the day in the shop's time zone."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def format_date(moment: date) -> str:
    """Return the date, such as 28 November 2026. A date without a time is one of the shop's time zone."""
    return date_format(in_shop_zone(moment) if isinstance(moment, datetime) else moment, "DATE_FORMAT")


def format_time(moment: datetime) -> str:
    """Return the time of day, such as 11:39."""
    return time_format(in_shop_zone(moment), "TIME_FORMAT")


def format_datetime(moment: datetime) -> str:
    """Return the date and the time of day, such as 28 November 2026, 11:39."""
    return date_format(in_shop_zone(moment), "DATETIME_FORMAT")


def format_exact(moment: datetime) -> str:
    """Return the date and the time to the second with the time zone, such as 28 November 2026, 11:39:05 GMT."""
    local = in_shop_zone(moment)
    return f"{format_date(local)}, {time_format(local, 'H:i:s')} {format_zone(local)}"


def format_short(moment: datetime) -> str:
    """Return the date and the time of day in few characters, for tables, such as 2026-11-28 11:39."""
    return date_format(in_shop_zone(moment), "Y-m-d H:i")


def format_zone(moment: datetime) -> str:
    """Return the short name of the shop's time zone at this moment, such as GMT, or BST in summer."""
    return in_shop_zone(moment).tzname() or ""


def format_machine(moment: datetime) -> str:
    """Return the moment for programs, in ISO 8601 with the offset of the shop's time zone."""
    return in_shop_zone(moment).isoformat(timespec="seconds")


def format_log_time(seconds: float) -> str:
    """Return the Unix time for logs, in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
