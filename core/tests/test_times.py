"""Tests for dates and times: one time zone, one format for each language, and one module that formats them."""

import ast
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as shop
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from core import times
from orders.models import Order
from orders.workflow.personal_data import export_personal_data
from tests.makers import make_discount, make_user
from tests.test_architecture import ROOT, modules, nodes_of

WINTER, SUMMER = datetime(2026, 11, 28, 11, 39, tzinfo=UTC), datetime(2026, 7, 1, 23, 39, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "moment", "expected"),
    [
        ("en-gb", WINTER, "28 November 2026, 11:39"),
        ("de", WINTER, "28. November 2026, 11:39"),
        ("en-gb", SUMMER, "2 July 2026, 00:39"),
        ("de", SUMMER, "2. Juli 2026, 00:39"),
    ],
)
def test_moment_is_shown_in_the_zone_and_language(language: str, moment: datetime, expected: str) -> None:
    with translation.override(language):
        assert times.format_datetime(moment) == expected
        assert f"{times.format_date(moment)}, {times.format_time(moment)}" == expected


@pytest.mark.parametrize(
    ("zone", "day", "time"),
    [
        ("Pacific/Kiritimati", "29 November 2026", "01:39"),
        ("Pacific/Niue", "28 November 2026", "00:39"),
        ("America/Los_Angeles", "28 November 2026", "03:39"),
        ("Asia/Kathmandu", "28 November 2026", "17:24"),
    ],
)
def test_far_zone_changes_the_day_and_the_time(settings: Any, zone: str, day: str, time: str) -> None:
    settings.TIME_ZONE = zone
    assert (times.format_date(WINTER), times.format_time(WINTER)) == (day, time)


@pytest.mark.parametrize(
    ("placed", "until", "zone"),
    [
        (datetime(2026, 3, 29, 0, 50, tzinfo=UTC), "02:20", "BST"),  # the clock goes from 01:00 to 02:00
        (datetime(2026, 10, 24, 23, 50, tzinfo=UTC), "01:20", "BST"),
        (datetime(2026, 10, 25, 0, 50, tzinfo=UTC), "01:20", "GMT"),  # the clock goes from 02:00 to 01:00
    ],
)
def test_hold_time_is_right_when_the_clock_changes(placed: datetime, until: str, zone: str) -> None:
    for order in (Order(placed_at=placed), Order(placed_at=times.in_shop_zone(placed))):
        assert order.reserved_until
        assert (times.format_time(order.reserved_until), times.format_zone(order.reserved_until)) == (until, zone)


@pytest.mark.slow
@given(minutes=st.integers(0, 100 * 365 * 24 * 60))
def test_machine_format_keeps_the_moment(minutes: int) -> None:
    moment = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert datetime.fromisoformat(times.format_machine(moment)) == moment


def test_date_of_the_shop_differs_from_the_date_in_utc() -> None:
    assert times.shop_date(SUMMER) == date(2026, 7, 2)


@pytest.mark.parametrize("name", ["Europe/London", "UTC", "America/Argentina/Ushuaia", "Asia/Kathmandu"])
def test_time_zone_is_known(name: str) -> None:
    assert times.is_time_zone(name)


@pytest.mark.parametrize("name", ["London", "Europe", "UTC+1", "../Europe/London", "/etc/localtime", "Mars/Base", " "])
def test_text_that_is_not_a_time_zone_is_rejected(name: str) -> None:
    assert not times.is_time_zone(name)


@pytest.mark.django_db
def test_export_has_the_offset_of_the_shop(settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    data = export_personal_data(make_user(date_joined=WINTER))
    assert data["account"]["date_joined"].isoformat() == "2026-11-29T00:39:00+13:00"
    assert data["exported"].utcoffset() in (timedelta(hours=12), timedelta(hours=13))


@pytest.mark.django_db
def test_end_of_a_discount_is_told_in_the_zone_of_the_shop(settings: Any) -> None:
    settings.TIME_ZONE = "America/Los_Angeles"
    discount = make_discount("ENDED", ends=datetime(2026, 1, 1, 2, 30, tzinfo=UTC))
    assert "expired on 31 December 2025, 18:30 and" in discount.problem(Decimal(10))


# Structure

OTHER_FILTER = re.compile(
    r"\|\s*(?:date|time|timesince|timeuntil|localtime|utc|timezone)\b|{%\s*(?:now|localtime|timezone)\b"
)
OTHER_FORMATS = {
    "strftime",
    "isoformat",
    "ctime",
    "date_format",
    "time_format",
    "naturaltime",
    "timesince",
    "DateFormat",
}
ANY_FORMAT = re.compile("|".join(OTHER_FORMATS))  # parse only modules that mention one
# The sitemap writes a date, not a moment. Hidden fields and arguments of tasks contain JSON. Programs read CSV files.
OWNERS = {
    "core/times.py", "ecommerce/sitemaps.py", "core/admin/shown_values.py", "core/emails/outbox.py",
    "orders/withdrawal_forms.py", "orders/accounting/csv_files.py",
}  # fmt: skip


def names_in(path: Path) -> set[str]:
    """Return the names and attributes that a module uses."""
    nodes = nodes_of(ROOT / path)
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


def test_templates_format_times_only_with_the_filters_of_the_shop() -> None:
    paths = [path for path in (ROOT / "templates").rglob("*") if path.suffix in (".html", ".txt", ".xml")]
    assert len(paths) > 80
    assert [path.name for path in paths if OTHER_FILTER.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "text", ["{{ order.placed_at|date }}", '{{ at|date:"T" }}', "{{ at| time }}", "{% now 'Y' %}", "{{ at|timesince }}"]
)
def test_other_time_filter_is_found(text: str) -> None:
    assert OTHER_FILTER.search(text)


def test_modules_format_times_only_in_one_place() -> None:
    shops = [path for path in modules(ROOT) if not str(path).startswith("stripe_simulator")]
    candidates = [path for path in shops if ANY_FORMAT.search((ROOT / path).read_text(encoding="utf-8"))]
    assert {str(path) for path in candidates if names_in(path) & OTHER_FORMATS} == OWNERS


def test_rows_store_utc() -> None:
    assert shop.USE_TZ


def test_hold_time_is_measured_in_elapsed_minutes(settings: Any) -> None:
    settings.ORDER_HOLD_MINUTES = 90
    placed = datetime(2026, 3, 29, 0, 50, tzinfo=UTC)
    assert Order(placed_at=placed).reserved_until == placed + timedelta(minutes=90)
