"""Tests for the change lists of the admin: a constant number of queries, and read-only rows of money and carts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccountMail, GuestEmail
from addresses.models import Address
from billing.models import BillingProfile, Card, CardAttempt, CardMail, StripeEvent
from carts.models import Cart, WrongCode
from carts.models.rates import ShippingMethod
from core.admin import ReadOnlyAdmin
from core.models import ContactMail, GuaranteeNotice, Page
from core.pages.publishing import publish
from core.shop.current import stored_shop
from orders.models import (
    CustomerNote,
    Mail,
    Order,
    OrderEvent,
    OrderLinkMail,
    Payment,
    Refund,
    Withdrawal,
    WithdrawalMail,
)
from products.models import HomeSection
from tests.makers import (
    ADDRESS,
    make_carrier,
    make_category,
    make_discount,
    make_open_order,
    make_paid_order,
    make_product,
    make_shipment,
    make_tax,
    make_user,
)
from tests.markup import parse_html
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


@pytest.fixture
def staff(client: Client) -> Client:
    """Return the client of a superuser."""
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def make_placed_order(number: int) -> None:
    order = make_open_order(shipping_address_text="Bath")
    order.record(OrderEvent.Kind.PLACED)
    Mail.objects.create(order=order, kind=Mail.Kind.CONFIRMATION, to="guest@example.org", message_id=f"<{number}>")
    Order.objects.filter(pk=order.pk).update(status=Order.Status.PLACED)


def make_refund(number: int) -> None:
    order = make_open_order()
    payment = Payment.objects.create(order=order, number=1, stripe_pm="card_1", amount=5, currency="gbp")
    Refund.objects.create(payment=payment, amount=5, currency="gbp")


def make_dispute(number: int) -> None:
    order = make_open_order()
    order.disputes.create(stripe_id=f"du_{number}", amount=5, currency="gbp", status="lost", opened=timezone.now())


def make_withdrawal(number: int) -> Withdrawal:
    order = make_open_order()
    withdrawal = Withdrawal(order=order, is_whole_order=True, name="Gia", email="g@example.org", language="en")
    withdrawal.digest = str(number)
    withdrawal.save()
    return withdrawal


def make_withdrawal_mail(number: int) -> None:
    WithdrawalMail.objects.create(withdrawal=make_withdrawal(number), kind="receipt", to="g@example.org")


def make_address(number: int) -> None:
    profile = BillingProfile.objects.create(email=f"guest{number}@example.org")
    Address.objects.create(billing_profile=profile, **ADDRESS)


def make_card_attempt(number: int) -> None:
    profile = BillingProfile.objects.create(email=f"guest{number}@example.org")
    card = Card.objects.add_new(
        profile, {"id": f"card_{number}", "object": "card", "last4": "4242", "exp_month": 9, "exp_year": 2040}
    )
    CardAttempt.objects.create(billing_profile=profile, kind=CardAttempt.Kind.ADD, address="x", card=card)


def make_cart(number: int) -> None:
    Cart.objects.create(user=make_user(f"user{number}@example.org")).set_quantity(make_product(), 1)


def make_log_entry(number: int) -> None:
    LogEntry.objects.log_actions(make_user(f"clerk{number}@example.org").pk, [make_product()], CHANGE)


def make_sent_parcel(number: int) -> None:
    make_shipment(make_paid_order(), carrier=make_carrier(), tracking=f"AB {number}")


MAX_QUERIES = 8
LISTS: dict[str, Callable[[int], object]] = {
    "admin_logentry": make_log_entry,
    "orders_carrier": lambda number: make_carrier(),
    "orders_shipment": make_sent_parcel,
    "core_guaranteenotice": lambda number: GuaranteeNotice.objects.create(
        language=f"x{number}", picture=ContentFile(b"picture", "n.png"), text="x"
    ),
    "core_page": lambda number: Page.objects.create(kind="plain", slug=f"page-{number}", title="Page"),
    "core_pagetext": lambda number: publish(Page.objects.create(kind="plain", slug=f"page-{number}", title="Page")),
    "core_contactmail": lambda number: ContactMail.objects.create(to="shop@example.org", name="Gia", message="Hello"),
    "products_product": lambda number: make_product(category=make_category()),
    "products_homesection": lambda number: HomeSection.objects.create(kind="newest", position=number),
    "products_category": lambda number: type(make_category()).objects.create(title="Inner", parent=make_category()),
    "core_shop": lambda number: stored_shop(),  # its list is its only row
    "products_stockmovement": lambda number: make_product(),
    "accounts_user": lambda number: make_user(f"user{number}@example.org"),
    "accounts_guestemail": lambda number: GuestEmail.objects.create(email="guest@example.org"),
    "accounts_accountmail": lambda number: AccountMail.objects.create(kind="reset", to=f"user{number}@example.org"),
    "axes_accessattempt": lambda number: AccessAttempt.objects.create(username=f"user{number}", failures_since_start=1),
    "billing_cardattempt": make_card_attempt,
    "billing_cardmail": lambda number: CardMail.objects.create(kind="link", to=f"user{number}@example.org"),
    "billing_billingprofile": lambda number: make_user(f"user{number}@example.org"),
    "billing_stripeevent": lambda number: StripeEvent.objects.create(stripe_id=f"evt_{number}", type="charge.x"),
    "addresses_address": make_address,
    "carts_cart": make_cart,
    "carts_wrongcode": lambda number: WrongCode.objects.create(address="x", session=str(number)),
    "carts_shippingmethod": lambda number: ShippingMethod.objects.create(title=f"Van {number}", price=number),
    "carts_taxrate": lambda number: make_tax(region=f"Region {number}"),
    "carts_discount": lambda number: make_discount(f"CODE{number}"),
    "orders_order": make_placed_order,
    "orders_mail": make_placed_order,
    "orders_refund": make_refund,
    "orders_customernote": lambda number: CustomerNote.objects.create(
        billing_profile=make_user(f"user{number}@example.org").billing_profile, text="Calls"
    ),
    "orders_dispute": make_dispute,
    "orders_withdrawal": make_withdrawal,
    "orders_withdrawalmail": make_withdrawal_mail,
    "orders_orderlinkmail": lambda number: OrderLinkMail.objects.create(order_number="X", to="g@example.org"),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", [name for name in LISTS if name != "core_shop"])
def test_changelist_runs_as_many_queries_for_seven_rows_as_for_two(staff: Client, name: str) -> None:
    url, counts = reverse(f"admin:{name}_changelist"), []
    for numbers in (range(2), range(2, 7)):
        for number in numbers:
            LISTS[name](number)
        staff.get(url)  # reads what is kept
        with count_queries() as queries:
            page = staff.get(url)
        counts.append(len(queries))
    assert page.context["cl"].result_count >= 7
    assert counts[0] == counts[1] <= MAX_QUERIES


# Lists of rows whose keys need not be in the order of their times, such as those of sample orders: the column of the
# time, and the index without which the list would sort all rows.
BY_TIME = {
    "orders_mail": ("timestamp", "mail_by_time"),
    "orders_refund": ("timestamp", "refund_by_time"),
    "orders_shipment": ("shipped_at", "shipment_by_time"),
    "products_stockmovement": ("at", "stock_movement_by_time"),
}


@pytest.mark.parametrize("name", BY_TIME)
def test_list_begins_with_the_newest_row_whatever_the_keys_are(staff: Client, name: str) -> None:
    for number in range(3):
        LISTS[name](number)
    model = apps.get_model(*name.split("_"))
    rows = list(model._default_manager.order_by("pk"))
    column = BY_TIME[name][0]
    newest_first = [rows[1], rows[0], *rows[2:]]
    for age, row in enumerate(newest_first):
        model._default_manager.filter(pk=row.pk).update(**{column: timezone.now() - timedelta(days=age)})
    page = staff.get(reverse(f"admin:{name}_changelist"))
    assert [row.pk for row in page.context["cl"].result_list] == [row.pk for row in newest_first]


@pytest.mark.parametrize("name", BY_TIME)
def test_list_by_time_has_an_index(name: str) -> None:
    with connection.cursor() as cursor:
        assert BY_TIME[name][1] in connection.introspection.get_constraints(cursor, name)


@pytest.mark.parametrize("name", ["orders_refund", "orders_dispute"])
def test_list_shows_amounts_as_money(staff: Client, name: str) -> None:
    LISTS[name](1)
    table = parse_html(staff.get(reverse(f"admin:{name}_changelist")).text).one("table", id="result_list")
    assert "£5.00" in table.text
    assert "gbp" not in table.text


def test_refund_list_marks_only_mismatch_refunds(staff: Client) -> None:
    make_refund(1)
    url = reverse("admin:orders_refund_changelist")
    table = parse_html(staff.get(url).text).one("table", id="result_list")
    assert ("ismatch refund" in table.text, list(table.all("img"))) == (False, [])
    Refund.objects.update(is_mismatch=True)
    assert "Requested, mismatch refund" in parse_html(staff.get(url).text).one("table", id="result_list").text


@pytest.mark.parametrize(("name", "column"), [("orders_order", "attention"), ("orders_shipment", "delivered_at")])
def test_filter_by_whether_a_column_is_filled_has_words_for_people(staff: Client, name: str, column: str) -> None:
    url = reverse(f"admin:{name}_changelist")
    filters = parse_html(staff.get(url, {"_facets": "True"}).text).one(id="changelist-filter")
    found = [link for link in filters.all("a") if f"{column}__isempty" in link.attrs["href"]]
    assert [(link.text, link.attrs["href"][-1]) for link in found] == [("Yes (0)", "0"), ("No (0)", "1")]
    assert "Empty" not in parse_html(staff.get(url).text).one(id="changelist-filter").text


def test_lists_cover_all_registered_models() -> None:
    names = {model._meta.label_lower.replace(".", "_") for model in admin.site._registry}
    assert names - {"auth_group"} == set(LISTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "billing_billingprofile",
        "billing_stripeevent",
        "carts_cart",
        "orders_order",
        "orders_mail",
        "orders_refund",
        "orders_dispute",
    ],
)
def test_rows_of_money_and_carts_cannot_be_changed(staff: Client, name: str) -> None:
    LISTS[name](1)
    page = staff.get(reverse(f"admin:{name}_changelist"))
    row = page.context["cl"].result_list[0]
    before = type(row).objects.filter(pk=row.pk).values().get()
    url = reverse(f"admin:{name}_change", args=[row.pk])
    assert 'name="_save"' not in staff.get(url).text
    assert staff.post(url, {"email": "x@example.org"}).status_code == 403
    assert staff.post(reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert staff.get(reverse(f"admin:{name}_add")).status_code == 403
    assert type(row).objects.filter(pk=row.pk).values().get() == before


def test_admins_of_money_and_carts_are_read_only() -> None:
    editable = {
        model._meta.label
        for model, model_admin in admin.site._registry.items()
        if not isinstance(model_admin, ReadOnlyAdmin)
    }
    assert editable - {"auth.Group"} == {
        "products.Product", "products.Category", "products.HomeSection", "accounts.User", "addresses.Address",
        "carts.ShippingMethod", "carts.TaxRate", "carts.Discount", "orders.Carrier", "core.GuaranteeNotice",
        "core.Shop",
        "core.Page",
    }  # fmt: skip


@pytest.mark.slow
def test_changelists_redirect_customers_to_the_login(client: Client) -> None:
    client.force_login(make_user("charlie@example.org"))
    for name in LISTS:
        assert client.get(reverse(f"admin:{name}_changelist")).url.startswith("/admin/login/")


@pytest.mark.slow
@pytest.mark.parametrize("text", ["mug " * 2500, "a\0b", "\ufffd" * 300, "%_'\"\\"])
def test_search_of_any_text_returns_a_list(staff: Client, text: str) -> None:
    make_product(category=make_category("Mugs"))
    searched = [model._meta for model, model_admin in admin.site._registry.items() if model_admin.search_fields]
    urls = [reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist") for meta in searched]
    answers = {url: staff.get(url, {"q": text}).status_code for url in urls}
    choices = {"app_label": "products", "model_name": "product", "field_name": "category", "term": text}
    answers["autocomplete"] = staff.get(reverse("admin:autocomplete"), choices).status_code
    assert [url for url, status in answers.items() if status >= 500] == []
