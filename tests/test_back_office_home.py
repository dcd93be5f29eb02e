"""Tests for the home page of the admin: its numbers and the lists behind them, the sales, and the groups of models."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.models import AccountMail, Role, User
from accounts.staff.roles import make_roles
from billing.models import CardMail
from core.models import ContactMail
from ecommerce.back_office.model_groups import GROUPS, group_models
from ecommerce.back_office.sales import SalesOfCurrency, recent_sales
from ecommerce.back_office.today import todays_work
from orders.models import Mail, Order, OrderLinkMail, Refund, Withdrawal, WithdrawalMail
from tests.makers import make_paid_order, make_product, make_user
from tests.visitors import count_queries, make_request

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
HOME = "/admin/"
MAX_QUERIES = 15
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROLES = ("Packer", "Support", "Catalogue", "Manager", "Superuser")


def make_member(role: str) -> User:
    """Return a member of staff with this role, or a superuser."""
    user = make_user(f"{role.lower()}@example.org", is_staff=True, is_superuser=role == "Superuser")
    user.groups.set(Group.objects.filter(name=role))
    return user


def open_home(user: User) -> Any:
    client = Client()
    client.force_login(user)
    return client.get(HOME)


@pytest.fixture
def boss(client: Client) -> User:
    """Return a superuser, who is signed in."""
    user = make_member("Superuser")
    client.force_login(user)
    return user


@pytest.fixture
def home(boss: User) -> Any:
    """Return a request of the superuser."""
    return make_request(boss)


def ago(time: timedelta) -> datetime:
    return timezone.now() - time


def make_order(**fields: Any) -> Order:
    return make_paid_order(make_product(stock=None), **{"placed_at": ago(HOUR), "paid_at": ago(HOUR)} | fields)


def make_refund(order: Order | None = None, **fields: Any) -> Refund:
    payment = (order or make_order()).payments.get()
    return Refund.objects.create(**{"payment": payment, "amount": Decimal(1), "currency": "gbp"} | fields)


def make_withdrawal(**fields: Any) -> Withdrawal:
    count = Withdrawal.objects.count()
    typed = {"is_whole_order": True, "name": "Gia", "email": "g@example.org", "language": "en", "digest": str(count)}
    return Withdrawal.objects.create(**typed | fields)


def make_dispute(status: str, **fields: Any) -> None:
    order = make_order(status=Order.Status.SHIPPED)
    values = {"stripe_id": f"du_{order.pk}", "amount": 5, "currency": "gbp", "opened": timezone.now()}
    order.disputes.create(**values | {"status": status} | fields)


def make_mails(**fields: Any) -> None:
    """Add a message to each outbox, two hours ago."""
    order = make_order(status=Order.Status.SHIPPED)
    withdrawal = make_withdrawal(closed_at=timezone.now())
    rows: list[Any] = [
        Mail(order=order, kind=Mail.Kind.CONFIRMATION, message_id=f"<{order.pk}>"),
        WithdrawalMail(withdrawal=withdrawal, kind=WithdrawalMail.Kind.RECEIPT),
        OrderLinkMail(order_number="X", language="en"),
        AccountMail(kind=AccountMail.Kind.RESET),
        CardMail(kind=CardMail.Kind.LINK),
        ContactMail(name="Gia", sender="g@example.org", message="Hello"),
    ]
    for row in rows:
        row.to = "x@example.org"
        row.save()
        type(row).objects.filter(pk=row.pk).update(**{"timestamp": ago(2 * HOUR)} | fields)


# Rows that wait for staff, and rows that do not, by the number that counts them.
def make_orders_to_ship() -> None:
    for _number in range(3):
        make_order()
    for status in ("placed", "canceled", "shipped", "refunded"):
        make_order(status=status)


def make_orders_with_alerts() -> None:
    make_order(status=Order.Status.SHIPPED, attention="A refund failed.")
    make_order(status=Order.Status.CANCELED, attention="Paid twice.")
    make_order(status=Order.Status.OPEN, attention="Nobody sees it in the list.")
    make_order(status=Order.Status.SHIPPED)


def make_due_withdrawals() -> None:
    shipped = {"status": Order.Status.SHIPPED, "shipped_at": ago(9 * DAY)}
    make_withdrawal()
    make_withdrawal(order=make_order(**shipped), arrived_at=timezone.now())
    make_withdrawal(order=make_order(**shipped))  # waits for the items
    make_withdrawal(closed_at=timezone.now())


def make_failed_refunds() -> None:
    shipped = {"status": Order.Status.SHIPPED}
    make_refund(make_order(**shipped, attention="A refund failed."), status=Refund.Status.FAILED)
    make_refund(make_order(**shipped), status=Refund.Status.FAILED, is_mismatch=True)  # still owed
    make_refund(make_order(**shipped), status=Refund.Status.FAILED)  # acknowledged
    make_refund(make_order(**shipped, attention="Paid twice."), status=Refund.Status.DONE)


def make_disputes() -> None:
    for status in ("needs_response", "warning_under_review", "a status of tomorrow", "won", "lost"):
        make_dispute(status)


def make_messages() -> None:
    for name in ("Gia", "Bo"):
        ContactMail.objects.create(name=name, sender="g@example.org", message="Hello", to="shop@example.org")


def make_unsent_mails() -> None:
    make_mails()
    make_mails(dropped=ago(DAY), refusal="550")
    make_mails(dropped=ago(8 * DAY), refusal="550")  # staff had a week to see it
    make_mails(dropped=ago(DAY))  # no longer needed
    make_mails(sent=ago(DAY))
    make_mails(timestamp=ago(HOUR / 2))  # is retried soon


def make_products() -> None:
    make_product(stock=0)
    make_product(stock=0, active=False)
    make_product(stock=1, active=False)
    for stock in (1, 2, 10, None):
        make_product(stock=stock)


Made = Callable[[], None]
ORDERS, WITHDRAWALS, REFUNDS, DISPUTES = (
    f"/admin/orders/{name}/" for name in ("order", "withdrawal", "refund", "dispute")
)
MESSAGES, PRODUCTS = "/admin/core/contactmail/", "/admin/products/product/"
OUTBOXES = (
    "/admin/orders/mail/", "/admin/orders/withdrawalmail/", "/admin/orders/orderlinkmail/",
    "/admin/accounts/accountmail/", "/admin/billing/cardmail/",
)  # fmt: skip
UNSENT = "?delivery=undelivered"
CASES: dict[str, tuple[Made, int]] = {
    f"{ORDERS}?to_ship=yes": (make_orders_to_ship, 3),
    f"{ORDERS}?attention__isempty=0": (make_orders_with_alerts, 2),
    f"{WITHDRAWALS}?state=due": (make_due_withdrawals, 2),
    f"{REFUNDS}?todo=failed": (make_failed_refunds, 2),
    f"{DISPUTES}?state=open": (make_disputes, 3),
    MESSAGES: (make_messages, 2),
    **{f"{path}{UNSENT}": (make_unsent_mails, 2) for path in (*OUTBOXES, MESSAGES)},
    f"{PRODUCTS}?attention=out&active__exact=1": (make_products, 1),
    f"{PRODUCTS}?attention=low&active__exact=1": (make_products, 2),
}


def numbers(request: Any) -> dict[str, int]:
    """Return the numbers by the URLs of their lists, without those that are zero."""
    return {line.url: line.number for line in todays_work(request) if line.number}


def notes(request: Any) -> list[str]:
    return [note for line in todays_work(request) for note in line.notes]


def make_all() -> None:
    for make in dict.fromkeys(make for make, _expected in CASES.values()):
        make()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("url", CASES)
def test_number_counts_the_rows_that_wait(home: Any, url: str) -> None:
    make, expected = CASES[url]
    make()
    assert numbers(home)[url] == expected


def test_each_number_equals_the_list_that_it_links_to(client: Client, home: Any) -> None:
    make_all()
    found = numbers(home)
    assert set(found) == set(CASES)
    assert {url: client.get(url).context["cl"].result_count for url in found} == found


def test_page_shows_each_number_as_a_link(boss: User) -> None:
    make_orders_to_ship()
    link = '<a href="/admin/orders/order/?to_ship=yes"><strong>3</strong> orders to ship</a>'
    assert link in open_home(boss).text


def test_list_of_orders_to_ship_begins_with_the_one_that_waited_longest(client: Client, boss: User) -> None:
    waits = [make_order(paid_at=ago(days * DAY)) for days in (2, 5, 1)]
    shown = client.get(f"{ORDERS}?to_ship=yes").context["cl"].result_list
    assert [order.pk for order in shown] == [waits[1].pk, waits[0].pk, waits[2].pk]


def test_list_of_orders_to_ship_can_be_sorted_by_a_column(client: Client, boss: User) -> None:
    cheap, dear = make_order(total=Decimal(5)), make_order(total=Decimal(50), paid_at=ago(2 * DAY))
    changelist = client.get(f"{ORDERS}?to_ship=yes&o=5").context["cl"]
    assert [order.pk for order in changelist.result_list] == [cheap.pk, dear.pk]
    assert changelist.get_ordering_field_columns() == {5: "asc"}
    assert client.get(f"{ORDERS}?to_ship=yes").context["cl"].get_ordering_field_columns() == {}


def test_orders_to_ship_say_since_when_the_oldest_waits(home: Any) -> None:
    make_order(paid_at=datetime(2026, 3, 4, 12, tzinfo=UTC))
    make_order()
    assert notes(home) == ["The oldest has waited since 4 March 2026."]


def test_orders_to_ship_say_how_many_need_attention(home: Any) -> None:
    make_order(attention="Paid twice.")
    make_order()
    assert "1 of them needs attention." in notes(home)


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize(("role", "is_shown"), [("Packer", True), ("Support", False)])
def test_link_to_ship_the_oldest_order_is_only_for_packers(role: str, is_shown: bool) -> None:
    make_order()
    assert ("Ship the oldest" in open_home(make_member(role)).text) is is_shown


def test_withdrawals_say_how_many_are_overdue(home: Any) -> None:
    for days in (1, 16, 20):
        make_withdrawal(declared_at=ago(days * DAY))
    assert notes(home) == ["2 of them are overdue."]


def test_disputes_say_the_nearest_deadline(home: Any) -> None:
    make_dispute("under_review", due=datetime(2026, 3, 1, tzinfo=UTC))  # was answered
    make_dispute("needs_response", due=datetime(2026, 3, 9, 12, tzinfo=UTC))
    make_dispute("warning_needs_response", due=datetime(2026, 3, 4, 12, tzinfo=UTC))
    assert notes(home) == ["Respond to the next one by 4 March 2026, 12:00."]


def test_shop_without_work_says_so_without_links(boss: User) -> None:
    page = open_home(boss)
    assert {line.number for line in page.context["work"]} == {0}
    for words in ("Nothing to ship", "No order needs attention", "No unsent email", "No product is sold out"):
        assert f'<li class="nothing">{words}</li>' in page.text
    assert "to_ship=yes" not in page.text


# Roles
SEEN = {
    "Packer": {ORDERS},
    "Support": {ORDERS, WITHDRAWALS, REFUNDS, DISPUTES, MESSAGES, PRODUCTS, *OUTBOXES},
    "Catalogue": {PRODUCTS},
    "Manager": {ORDERS, WITHDRAWALS, REFUNDS, DISPUTES, MESSAGES, PRODUCTS, *OUTBOXES},
    "Superuser": {ORDERS, WITHDRAWALS, REFUNDS, DISPUTES, MESSAGES, PRODUCTS, *OUTBOXES},
}
SEES_SALES = {"Manager", "Superuser"}


@pytest.fixture
def roles() -> None:
    """Make the roles as the first migration does. Tests that commit have deleted them."""
    Role.objects.all().delete()
    Group.objects.all().delete()
    make_roles()


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("role", ROLES)
def test_role_sees_the_numbers_of_its_lists_only(client: Client, role: str) -> None:
    make_all()
    user = make_member(role)
    client.force_login(user)
    paths = {urlsplit(url).path for url in numbers(make_request(user))}
    assert paths == SEEN[role]
    assert {client.get(path).status_code for path in paths} == {200}


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("role", ROLES)
def test_role_sees_sales_only_if_it_may_export_orders(role: str) -> None:
    make_order(total=Decimal("4321.09"))
    text = open_home(make_member(role)).text
    assert ("4,321.09" in text, "Sales of the last 30 days" in text) == (role in SEES_SALES,) * 2


def test_staff_without_permissions_see_an_empty_page() -> None:
    page = open_home(make_user("new@example.org", is_staff=True))
    assert (page.status_code, page.context["work"], page.context["sales"]) == (200, [], None)


# Queries
def test_page_takes_few_queries_regardless_of_the_rows(client: Client, boss: User) -> None:
    counts = []
    for _round in range(2):
        make_all()
        client.get(HOME)  # reads what is kept
        with count_queries() as queries:
            client.get(HOME)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= MAX_QUERIES


# Sales
def shown_sales(request: Any) -> SalesOfCurrency:
    (sales,) = recent_sales(request) or []
    return sales


def test_sales_show_the_last_thirty_days(home: Any) -> None:
    make_order(total=Decimal(20), paid_at=ago(29 * DAY))
    make_order(total=Decimal(10), paid_at=ago(31 * DAY))
    sales = shown_sales(home)
    assert (len(sales.rows), sales.total.orders, sales.total.amount) == (30, 1, "£20.00")


def test_chart_has_a_bar_for_each_day_with_sales(home: Any) -> None:
    for days, total in ((2, 50), (3, 200)):
        make_order(total=Decimal(total), paid_at=ago(days * DAY))
    assert [(bar.height, bar.y) for bar in shown_sales(home).bars] == [(100, 0), (25, 75)]


def test_chart_says_what_it_shows_and_has_no_inline_styles(boss: User) -> None:
    make_order(total=Decimal(50))
    text = open_home(boss).text
    chart = text[text.index('<svg viewBox="0 0 300 100"') :].partition("</svg>")[0]
    assert '<title id="sales-gbp">Sales by day in GBP</title>' in chart
    assert "The best day was" in chart
    assert "style=" not in chart


def test_days_with_refunds_only_are_negative(home: Any) -> None:
    make_refund(make_order(paid_at=ago(60 * DAY)), amount=Decimal("7.50"), status=Refund.Status.DONE)
    sales = shown_sales(home)
    assert (sales.total.amount, sales.total.refunded, sales.total.net) == ("£0.00", "£7.50", "-£7.50")
    assert list(sales.bars) == []


def test_currencies_have_charts_of_their_own(home: Any) -> None:
    for currency in ("eur", "gbp"):
        make_order(total=Decimal(500), currency=currency)
    assert [sales.total.amount for sales in recent_sales(home) or []] == ["€500.00", "£500.00"]


def test_shop_without_sales_says_so(boss: User) -> None:
    text = open_home(boss).text
    assert "No sales in the last 30 days." in text
    assert '<svg viewBox="0 0 300 100"' not in text


# Groups
def test_each_model_of_the_admin_is_in_exactly_one_group() -> None:
    named = [label for _title, models in GROUPS.values() for label in models]
    assert sorted(named) == sorted(model._meta.label_lower for model in admin.site._registry)


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("role", ROLES)
def test_home_links_to_every_list_that_the_role_may_open(role: str) -> None:
    request = make_request(make_member(role))
    admins = [row for row in admin.site._registry.items() if row[1].has_view_permission(request)]
    may_open = {model._meta.label_lower for model, own in admins if own.has_module_permission(request)}
    listed = [
        model["model"]._meta.label_lower for group in admin.site.get_app_list(request) for model in group["models"]
    ]
    assert sorted(listed) == sorted(may_open)


def test_model_of_no_group_is_listed_under_more() -> None:
    unknown = {"model": Role, "name": "Roles", "admin_url": "/admin/accounts/role/"}
    known = {"model": Order, "name": "orders", "admin_url": ORDERS}
    groups = group_models([{"models": [unknown, known]}])
    assert [(str(group["name"]), len(group["models"])) for group in groups] == [("Orders", 1), ("More", 1)]
