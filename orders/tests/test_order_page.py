"""Tests of the page of an order in the admin: who sees which parts, what is possible now, and that its links work."""

import re
from decimal import Decimal
from html import unescape
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from accounts.staff.roles import make_roles
from billing.models import Card
from orders.models import Order, OrderEvent, Refund, Withdrawal
from orders.workflow import cancellation
from orders.workflow.erasure import erase_order
from stripe_simulator.server import Simulator
from tests.makers import buy, make_paid_order, make_product, make_user, ship
from tests.markup import Element, parse_html
from tests.visitors import count_queries

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
S = Order.Status
MARKUP = '"><script>alert(1)</script>'
MAX_QUERIES = 20
STAFF_STEPS = ("acknowledge", "cancel", "cancel_missing", "revoke_links", "settle")


@pytest.fixture(autouse=True)
def roles() -> None:
    """Make the roles as the first migration does. Tests that commit have deleted them."""
    Role.objects.all().delete()
    Group.objects.all().delete()
    make_roles()


def sign_in(role: str) -> Client:
    """Return the client of a new member of staff with this role."""
    user = make_user(f"{role.lower()}@example.org", is_staff=True, is_superuser=role == "Superuser")
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def page_url(order: Order) -> str:
    return reverse("admin:orders_order_change", args=[order.pk])


def step_url(order: Order, step: str) -> str:
    return reverse(f"admin:orders_order_{step}", args=[order.pk])


def open_page(client: Client, order: Order) -> Element:
    page = client.get(page_url(order))
    assert page.status_code == 200
    return parse_html(page.text)


def add_lines(order: Order, count: int, quantity: int = 1) -> None:
    for _ in range(count):
        product = make_product()
        values = {"sku": product.sku, "title": product.title, "unit_price": product.price, "total": product.price}
        order.items.create(product=product, quantity=quantity, **values)


def add_refund(order: Order, units: dict[int, int], **fields: Any) -> Refund:
    values = {"amount": Decimal(1), "currency": "gbp", "units": {str(line): number for line, number in units.items()}}
    return Refund.objects.create(
        payment=order.payments.all()[0], **values | {"status": "done", "by": "s@x.org"} | fields
    )


def add_withdrawal(order: Order, units: dict[int, int]) -> Withdrawal:
    count = Withdrawal.objects.count()
    texts = {"name": "Gia Guest", "email": "guest@example.org", "language": "en", "digest": str(count)}
    stored = {str(line): number for line, number in units.items()}
    return Withdrawal.objects.create(order=order, is_whole_order=False, is_from_order_page=True, units=stored, **texts)


def add_rows(order: Order) -> Order:
    """Add a row of each model that the page shows."""
    line = order.items.all()[0].pk
    add_refund(order, {}, reason="Arrived broken", withdrawal=add_withdrawal(order, {line: 1}))
    order.disputes.create(
        stripe_id=f"du_{order.pk}", amount=5, currency="gbp", status="lost", reason="fraudulent", opened=timezone.now()
    )
    order.mails.create(kind="confirmation", to=order.email, message_id="<1@x>", sent=timezone.now())
    for kind in ("placed", "paying", "paid", "told_staff"):
        order.record(kind, by="shop", text="text")
    return order


def make_full_order(**fields: Any) -> Order:
    """Create an order with a row of each model that the page shows."""
    now = timezone.now()
    values: dict[str, Any] = {"placed_at": now, "paid_at": now, "shipped_at": now, "attention": "Check the address"}
    return add_rows(make_paid_order(**values | {"payment_intent_id": "pi_1"} | fields))


# Who sees what


ALL = "buyer deliver-to disputes emails items money payments refunds technical timeline withdrawals"
SECTIONS = {"Packer": "buyer deliver-to items", "Support": ALL, "Manager": ALL, "Superuser": ALL}


@pytest.mark.parametrize("role", SECTIONS)
def test_role_sees_its_sections_and_no_others(role: str) -> None:
    page = open_page(sign_in(role), make_full_order())
    assert sorted(heading.attrs["id"] for heading in page.all("h2") if "id" in heading.attrs) == SECTIONS[role].split()


@pytest.mark.parametrize(
    ("role", "steps"),
    [
        ("Packer", "history ship"),
        ("Support", "acknowledge erase history refund revoke_links settle"),
        ("Manager", "acknowledge erase history refund revoke_links settle ship"),
        ("Superuser", "acknowledge erase history refund revoke_links settle ship"),
    ],
)
def test_role_gets_the_buttons_of_its_steps(role: str, steps: str) -> None:
    order = make_paid_order(attention="Check the address", payment_intent_id="pi_1")
    names = [*STAFF_STEPS, "erase", "history", "refund", "ship"]
    linked = links_of(open_page(sign_in(role), order))
    assert sorted(name for name in names if step_url(order, name) in linked) == steps.split()


def test_catalogue_editor_may_not_open_an_order() -> None:
    assert sign_in("Catalogue").get(page_url(make_paid_order())).status_code == 403


@pytest.mark.parametrize("step", STAFF_STEPS)
def test_packer_may_not_take_a_step_of_support(step: str) -> None:
    order, packer = make_paid_order(status=S.PLACED, attention="Check", payment_intent_id="pi_1"), sign_in("Packer")
    url = step_url(order, step)
    assert [packer.get(url).status_code, packer.post(url).status_code] == [403, 403]


def test_packer_sees_no_amount() -> None:
    assert "£" not in open_page(sign_in("Packer"), make_full_order()).text


# What is possible now


@pytest.mark.parametrize(
    ("status", "steps"),
    [
        (S.PLACED, ["cancel"]),
        (S.CANCELING, ["cancel", "cancel_missing"]),
        (S.CANCELED, []),
        (S.PAID, ["refund", "ship"]),
        (S.SHIPPED, ["refund"]),
        (S.REFUNDED, []),
    ],
)
def test_status_decides_which_steps_are_possible(admin_client: Client, status: str, steps: list[str]) -> None:
    order = make_paid_order(status=status, payment_intent_id="pi_1")
    linked = links_of(open_page(admin_client, order))
    names = ["cancel", "cancel_missing", "refund", "ship"]
    assert [name for name in names if step_url(order, name) in linked] == steps


def test_disputed_order_says_why_it_cannot_be_refunded(admin_client: Client) -> None:
    order = make_paid_order()
    order.disputes.create(
        stripe_id="du_1", amount=5, currency="gbp", status="needs_response", opened=timezone.now(), due=timezone.now()
    )
    page = open_page(admin_client, order)
    assert step_url(order, "refund") not in links_of(page)
    assert "Refund is not possible now: a dispute of the payment prevents it" in page.text


def test_order_without_units_left_says_why_it_cannot_be_shipped(admin_client: Client) -> None:
    order = make_paid_order()
    add_refund(order, {order.items.get().pk: 1})
    page = open_page(admin_client, order)
    assert step_url(order, "ship") not in links_of(page)
    assert "Ship order is not possible now: no units are left to ship" in page.text


def test_order_with_items_to_assign_says_why_it_cannot_be_shipped(admin_client: Client) -> None:
    order = make_paid_order()
    add_withdrawal(order, {})
    Withdrawal.objects.update(is_from_order_page=False)
    assert "assign the items of its withdrawal first" in open_page(admin_client, order).text


# Units


def numbers_of(client: Client, order: Order) -> list[list[str]]:
    """Return the numbers of each line: units ordered, refunded, withdrawn, shipped and to ship."""
    [table] = [table for table in open_page(client, order).all("table") if "units" in table.attrs.get("class", "")]
    return [[cell.text for cell in row.all("td")] for row in table.one("tbody").all("tr")]


def test_units_are_counted_after_part_refunds_withdrawals_and_shipping(admin_client: Client) -> None:
    order = make_paid_order()
    add_lines(order, 1, quantity=5)
    first, second = order.items.order_by("pk")
    assert numbers_of(admin_client, order) == [["1", "0", "0", "0", "1"], ["5", "0", "0", "0", "5"]]
    add_refund(order, {second.pk: 1})
    withdrawal = add_withdrawal(order, {second.pk: 2})
    assert numbers_of(admin_client, order)[1] == ["5", "1", "2", "0", "2"]
    add_refund(order, {second.pk: 2}, withdrawal=withdrawal)
    assert numbers_of(admin_client, order)[1] == ["5", "3", "2", "0", "2"]
    assert ship(Order.objects.get(pk=order.pk), by="packer")
    assert numbers_of(admin_client, order) == [["1", "0", "0", "1", "0"], ["5", "3", "2", "2", "0"]]
    add_refund(order, {first.pk: 1})
    assert numbers_of(admin_client, order)[0] == ["1", "1", "0", "1", "0"]


def test_unpaid_order_has_no_units_to_ship(admin_client: Client) -> None:
    assert numbers_of(admin_client, make_paid_order(status=S.PLACED)) == [["1", "0", "0", "0", "0"]]


# Links


def links_of(page: Element) -> set[str]:
    return {unescape(link.attrs["href"]) for link in page.all("a")}


def make_erased_order() -> Order:
    order = make_full_order()
    assert erase_order(order)
    return order


ORDERS: dict[str, Any] = {
    "paid": make_full_order,
    "unpaid": lambda: make_full_order(status=S.PLACED, paid_at=None, shipped_at=None),
    "canceling": lambda: make_full_order(status=S.CANCELING, paid_at=None, shipped_at=None),
    "canceled": lambda: make_full_order(status=S.CANCELED, paid_at=None, shipped_at=None),
    "shipped": lambda: make_full_order(status=S.SHIPPED),
    "refunded": lambda: make_full_order(status=S.REFUNDED, amount_refunded=Decimal("20.95")),
    "erased": make_erased_order,
}


@pytest.mark.sampled(7)
@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("role", SECTIONS)
def test_role_finds_no_dead_link(role: str, kind: str) -> None:
    client, order = sign_in(role), ORDERS[kind]()
    links = {link for link in links_of(open_page(client, order)) if not link.startswith(("mailto:", "#"))}
    assert {link for link in links if urlsplit(link).netloc} == set()  # Stripe's dashboard does not know test payments.
    assert {link for link in links if client.get(link, follow=True).status_code != 200} == set()


@pytest.mark.parametrize(("key", "mode"), [("sk_test_x", "/test"), ("sk_live_x", "")])
def test_payment_and_dispute_link_to_the_dashboard(admin_client: Client, settings: Any, key: str, mode: str) -> None:
    settings.STRIPE_IS_REAL, settings.STRIPE_SECRET_KEY = True, key
    order = make_full_order(payment_intent_id="pi_1")
    external = {link for link in links_of(open_page(admin_client, order)) if link.startswith("https:")}
    base = f"https://dashboard.stripe.com{mode}"
    assert external == {f"{base}/payments/pi_1", f"{base}/disputes/du_{order.pk}"}


def test_payment_without_an_id_has_no_link_to_the_dashboard(admin_client: Client, settings: Any) -> None:
    settings.STRIPE_IS_REAL = True
    links = links_of(open_page(admin_client, make_paid_order()))
    assert [link for link in links if link.startswith("https:")] == []


# Contents


@pytest.mark.parametrize("has_account", [False, True])
def test_queries_do_not_depend_on_the_number_of_rows(has_account: bool) -> None:
    client, order, counts = sign_in("Support"), make_full_order(), []
    if has_account:
        Order.objects.update(billing_profile=make_user(order.email).billing_profile)
    for more in (0, 99):
        add_lines(order, more)
        for number in range(min(more, 5)):
            add_rows_again(order, number)
        client.get(page_url(order))
        with count_queries() as statements:
            open_page(client, order)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= MAX_QUERIES


def add_rows_again(order: Order, number: int) -> None:
    """Add rows to an order that has some."""
    line = order.items.order_by("-pk")[number].pk
    details = {"id": f"card_{number}", "object": "card", "last4": "4242", "exp_month": 9, "exp_year": 2040}
    attempt = {"number": number + 2, "stripe_pm": details["id"], "amount": order.total, "status": "failed"}
    order.payments.create(card=Card.objects.add_new(order.billing_profile, details), currency="gbp", **attempt)
    add_refund(order, {line: 1}, withdrawal=add_withdrawal(order, {line: 1}))
    order.disputes.create(stripe_id=f"du_x{number}", amount=5, currency="gbp", status="lost", opened=timezone.now())
    order.mails.create(kind="refunded", about=str(number), to=order.email, message_id=f"<{number}@y>")
    order.record("paying", by="shop")


def test_markup_in_any_text_is_escaped(admin_client: Client) -> None:
    order = make_full_order()
    for rows in (
        Order.objects.all(), order.items.all(), order.payments.all(), Refund.objects.all(), order.disputes.all(),
        order.withdrawals.all(), order.mails.all(), order.events.all(),
    ):  # fmt: skip
        rows.update(**dict.fromkeys(free_columns(rows.model), MARKUP))
    page = admin_client.get(page_url(order))
    assert page.status_code == 200
    assert MARKUP[:10] not in page.text
    assert page.text.count("&lt;script&gt;alert(1)") > 15


def free_columns(model: Any) -> list[str]:
    """Return the text columns that have room for the markup and no choices, keys or format."""
    return [
        field.name
        for field in model._meta.fields
        if isinstance(field, (models.CharField, models.TextField))
        and not field.choices
        and not field.unique
        and field.name not in ("language", "checksum", "tax_rate")
        and (field.max_length or 999) > len(MARKUP)
    ]


def test_erased_order_shows_no_person(admin_client: Client) -> None:
    order = make_full_order(email="gia@example.org")
    assert "gia@example.org" in open_page(admin_client, order).text
    erase_order(order)
    text = open_page(admin_client, order).text
    assert "The personal data of this order was erased." in text
    assert [word for word in ("gia@example.org", "Gia Guest", "High Street", "Bo Payer") if word in text] == []


def test_page_shows_what_support_is_asked_for(admin_client: Client) -> None:
    values = {"discount_code": "SPRING5", "discount_total": Decimal(2), "amount_lost": Decimal(5)}
    text = open_page(admin_client, make_full_order(**values)).text
    shown = [
        "Discount SPRING5 −£2.00",
        "Total £20.95",
        "Lost in disputes £5.00",
        "Arrived broken",
        "fraudulent",
    ]
    assert [words for words in shown if words not in text] == []


def test_page_has_headings_in_order_and_tables_with_captions(admin_client: Client) -> None:
    page = open_page(admin_client, make_full_order()).one("main")
    levels = [int(element.tag[1]) for element in page.all() if re.fullmatch("h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert [len(list(table.all("caption"))) for table in page.all("table")] == [1] * 7
    assert all("scope" in cell.attrs for cell in page.all("th"))


def test_page_of_a_missing_order_leads_to_the_home_page(admin_client: Client) -> None:
    for key in ("999999", "x", "9" * 30):
        response = admin_client.get(f"/admin/orders/order/{key}/change/", follow=True)
        assert "doesn’t exist" in response.text


# Steps


@pytest.fixture
def unpaid(client: Client, simulator: Simulator) -> Order:
    """Return an order whose card was declined."""
    return buy(client, make_product(), "tok_chargeCustomerFail")


def state_on(client: Client, url: str) -> str:
    """Open the page of a step and return the state that it would send."""
    return parse_html(client.get(url).text).one("input", name="shown").attrs["value"]


def count_events(order: Order, kind: str) -> int:
    return order.events.filter(kind=kind).count()


def test_cancellation_shows_what_will_happen_and_then_does_it(admin_client: Client, unpaid: Order) -> None:
    url = step_url(unpaid, "cancel")
    page = admin_client.get(url).text
    unpaid.refresh_from_db()
    assert unpaid.status == S.PLACED
    assert all(words in page for words in ("no longer reserved", unpaid.email, "This cannot be undone."))
    response = admin_client.post(url, {"shown": S.PLACED}, follow=True)
    unpaid.refresh_from_db()
    assert unpaid.status == S.CANCELED
    assert f"{unpaid} has been cancelled." in response.text
    assert unpaid.events.get(kind="canceling").by == "admin@example.com"
    assert LogEntry.objects.filter(object_id=str(unpaid.pk), change_message="Cancellation requested.").count() == 1


def test_second_cancellation_is_told_and_does_nothing(admin_client: Client, unpaid: Order) -> None:
    url = step_url(unpaid, "cancel")
    state = state_on(admin_client, url)
    admin_client.post(url, {"shown": state})
    response = admin_client.post(url, {"shown": state}, follow=True)
    assert "Somebody else changed this order in the meantime." in response.text
    assert [count_events(unpaid, kind) for kind in ("canceling", "canceled")] == [1, 1]


def test_cancellation_at_the_same_time_is_told(
    admin_client: Client, unpaid: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let a colleague cancel the order after the page has read it and before it cancels it."""
    cancel = cancellation.cancel

    def second(order: Order, by: str) -> bool:
        assert cancel(Order.objects.get(pk=order.pk), by="colleague")
        return cancel(order, by)

    monkeypatch.setattr(cancellation, "cancel", second)
    response = admin_client.post(step_url(unpaid, "cancel"), {"shown": S.PLACED}, follow=True)
    assert "Somebody else changed this order in the meantime." in response.text
    assert count_events(unpaid, "canceling") == 1
    assert not LogEntry.objects.filter(object_id=str(unpaid.pk)).exists()


def test_cancellation_waits_while_stripe_does_not_answer(admin_client: Client) -> None:
    order = make_paid_order(status=S.PLACED, payment_intent_id="pi_1")
    response = admin_client.post(step_url(order, "cancel"), {"shown": S.PLACED}, follow=True)
    order.refresh_from_db()
    assert order.status == S.CANCELING
    assert "Stripe has not confirmed the cancellation" in response.text
    assert "requested before" in admin_client.get(step_url(order, "cancel")).text


@pytest.mark.sampled(2)
@pytest.mark.parametrize("status", [S.PAID, S.SHIPPED, S.CANCELED, S.REFUNDED])
def test_only_unpaid_orders_can_be_canceled(admin_client: Client, status: str) -> None:
    order = make_paid_order(status=status)
    response = admin_client.post(step_url(order, "cancel"), {"shown": status}, follow=True)
    order.refresh_from_db()
    assert order.status == status
    assert "This is not possible now. Nothing was changed." in response.text


def test_newer_alert_is_not_acknowledged(admin_client: Client) -> None:
    order = make_paid_order(attention="First alert")
    url = step_url(order, "acknowledge")
    state = state_on(admin_client, url)
    Order.objects.filter(pk=order.pk).update(attention="Second alert")
    admin_client.post(url, {"shown": state})
    order.refresh_from_db()
    assert order.attention == "Second alert"
    admin_client.post(url, {"shown": state_on(admin_client, url)})
    order.refresh_from_db()
    assert (order.attention, count_events(order, OrderEvent.Kind.ACKNOWLEDGED)) == ("", 1)


def test_links_are_revoked_once(admin_client: Client) -> None:
    order = make_paid_order()
    url = step_url(order, "revoke_links")
    state = state_on(admin_client, url)
    for _ in range(2):
        admin_client.post(url, {"shown": state})
    order.refresh_from_db()
    assert (order.link_version, count_events(order, OrderEvent.Kind.LINKS_REVOKED)) == (2, 1)


def test_update_from_stripe_finds_a_payment(admin_client: Client, client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    Order.objects.filter(pk=order.pk).update(status=S.PLACED, paid_at=None)
    order.payments.update(status="processing")
    response = admin_client.post(step_url(order, "settle"), {"shown": ""}, follow=True)
    order.refresh_from_db()
    assert order.status == S.PAID
    assert f"{order}: Paid" in response.text


def test_order_unknown_to_stripe_is_canceled_without_it(
    admin_client: Client, client: Client, simulator: Simulator
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    Order.objects.filter(pk=order.pk).update(status=S.CANCELING)
    url = step_url(order, "cancel_missing")
    assert "Stripe knows this payment" in admin_client.post(url, {"shown": S.CANCELING}, follow=True).text
    Order.objects.filter(pk=order.pk).update(payment_intent_id="pi_other_account")
    admin_client.post(url, {"shown": S.CANCELING})
    order.refresh_from_db()
    assert order.status == S.CANCELED


@pytest.mark.sampled(2)
@pytest.mark.parametrize("step", STAFF_STEPS)
def test_step_with_an_invalid_state_changes_nothing(admin_client: Client, step: str) -> None:
    order = make_paid_order(status=S.PLACED, attention="Check", payment_intent_id="pi_1")
    before = Order.objects.values().get(pk=order.pk)
    response = admin_client.post(step_url(order, step), {"shown": "a\x00b"}, follow=True)
    assert "Somebody else changed this order in the meantime." in response.text
    assert Order.objects.values().get(pk=order.pk) == before
