"""Structural tests for the declarations of columns: none is missing, and each group has its effect.

They fail for a new column until it is declared in `columns` (see core/columns.py).
"""

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.test import Client

from accounts.models import AccountMail, EarlierEmail, GuestEmail, SecondFactor, SignIn, User
from addresses.models import Address
from billing.models import BillingProfile, Card, CardMail
from carts.models import Cart
from carts.pricing.agreement import Agreement
from carts.pricing.quotes import Quote, quote
from core.models import ContactMail, GuardedModel, Page
from core.pages.publishing import publish
from orders.bookkeeping.audit import frozen_orders
from orders.bookkeeping.checksum import VERSION, checksum_of, is_intact
from orders.models import (
    Correction,
    CustomerNote,
    Dispute,
    Mail,
    Order,
    OrderItem,
    OrderLinkMail,
    OrderNote,
    Payment,
    Refund,
    Withdrawal,
    WithdrawalMail,
)
from orders.models.columns import FROM_CHECKOUT, FROM_QUOTE, IDENTITY
from orders.workflow.erasure import RETAINED, erase_order
from orders.workflow.erasure.texts import TEXTS, texts_of
from orders.workflow.personal_data import EXPORTED, export_personal_data
from orders.workflow.placing import place
from tests.makers import (
    ADDRESS,
    make_discount,
    make_open_order,
    make_product,
    make_tax,
    make_user,
    set_standard_delivery,
    shown_facts,
)

DECLARED: list[Any] = [Order, OrderItem, Payment, Refund, Dispute, Withdrawal, Cart, Card]
# Models that an erasure deletes or empties; the export has the same email address in other rows.
ERASED_ONLY: set[type[models.Model]] = {GuestEmail, CardMail, OrderLinkMail}
# Columns of exported models that the export leaves out: keys, flags for staff, and references to other exported rows.
INTERNAL = {
    User: {"password", "is_superuser", "is_staff", "is_active"},
    EarlierEmail: {"user"},
    SignIn: {"user", "session_key"},
    SecondFactor: {"user", "key", "last_step", "drift"},
    BillingProfile: {"user", "guest_email", "customer_id", "forgotten"},
    Address: {"billing_profile"},
    AccountMail: {"user", "client", "language", "used", "dropped", "attempts", "tried_at", "refusal"},
    ContactMail: {"to", "language", "client", "dropped", "attempts", "tried_at", "refusal"},
    Correction: {"order", "by"},
    OrderNote: {"order", "by"},
    CustomerNote: {"billing_profile", "by"},
    Mail: {"order", "about", "copy", "message_id", "dropped", "attempts", "tried_at", "refusal"},
    WithdrawalMail: {"withdrawal", "copy", "dropped", "attempts", "tried_at", "refusal"},
}
APPS = ["core", "products", "accounts", "billing", "addresses", "carts", "orders"]


def columns_of(model: Any) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if not field.primary_key]


def text_columns_of(model: Any) -> list[str]:
    kinds = models.CharField | models.TextField | models.JSONField | models.FileField | models.GenericIPAddressField
    return [field.name for field in model._meta.concrete_fields if isinstance(field, kinds) and not field.choices]


@pytest.mark.parametrize("model", DECLARED)
def test_column_is_in_exactly_one_class(model: Any) -> None:
    declared = model.columns.frozen + model.columns.conditional + model.columns.free
    assert sorted(declared) == sorted(columns_of(model))


def test_text_column_of_every_table_is_in_exactly_one_class() -> None:
    for model in apps.get_models(include_auto_created=True):
        texts = texts_of(model)
        declared = texts.personal + texts.free_text + texts.not_personal
        assert sorted(declared) == sorted(text_columns_of(model)), model._meta.label


def test_declared_texts_belong_to_models() -> None:
    assert set(TEXTS) <= {model._meta.label for model in apps.get_models()}
    assert not set(TEXTS) & {model._meta.label for model in DECLARED}


def test_retained_columns_are_personal() -> None:
    for entry in RETAINED:
        for label, names in entry.columns.items():
            texts = texts_of(apps.get_model(label))
            assert set(names) <= {*texts.personal, *texts.free_text}, label


@pytest.mark.parametrize("model", DECLARED)
def test_groups_name_only_columns_of_the_model(model: Any) -> None:
    added = [name for names in model.columns.added.values() for name in names]
    assert set(model.columns.internal) <= set(columns_of(model))
    assert set(added) <= set(model.columns.frozen)


@pytest.mark.parametrize("model", DECLARED)
def test_personal_column_is_exported(model: Any) -> None:
    assert not set(model.columns.personal) & set(model.columns.internal)


def test_everything_that_placing_freezes_is_exported() -> None:
    texts = {"terms_text", "privacy_text", "withdrawal_text"}  # of the shop
    internal = {"uuid", "discount"} | texts  # The code of the discount is exported.
    assert set(Order.columns.frozen) & set(Order.columns.internal) == internal
    assert set(OrderItem.columns.frozen) & set(OrderItem.columns.internal) == {"order", "product"}


def test_columns_that_are_copied_at_placing_are_frozen() -> None:
    assert set(IDENTITY + FROM_CHECKOUT + FROM_QUOTE) == set(Order.columns.frozen)


def test_order_copies_everything_that_it_shares_with_a_quote() -> None:
    of_quote = {*dir(Quote), *(field.name for field in dataclasses.fields(Quote))}
    assert of_quote & set(columns_of(Order)) == set(FROM_QUOTE)


@pytest.mark.django_db
def test_every_detail_that_an_order_copies_is_a_signed_fact() -> None:
    details = Agreement.detail_names()
    assert {field.name for field in dataclasses.fields(Agreement)} == {*details, "quote", "notice"}
    assert sorted(details) == sorted(FROM_CHECKOUT)
    texts: Any = {name: name for name in details}
    facts = Agreement(quote=quote([]), **texts).facts()
    assert {name: facts[name] for name in FROM_CHECKOUT} == texts


@pytest.mark.parametrize("model", [model for model in DECLARED if model is not Cart])
def test_model_with_frozen_columns_is_guarded(model: Any) -> None:
    assert issubclass(model, GuardedModel)


def test_model_with_personal_text_is_exported() -> None:
    of_shop = {model for app in APPS for model in apps.get_app_config(app).get_models()}
    personal = {model for model in of_shop if texts_of(model).personal}
    assert personal - set(DECLARED) - set(EXPORTED) == ERASED_ONLY


@pytest.mark.parametrize("model", EXPORTED)
def test_column_of_an_exported_model_is_exported_or_internal(model: Any) -> None:
    assert set(columns_of(model)) - set(EXPORTED[model]) == INTERNAL[model]


# What placing freezes


@pytest.fixture
def placed(db: None) -> Order:
    """Return a placed order in which no frozen column is empty."""
    for kind in ("terms", "privacy", "withdrawal", "imprint"):
        publish(Page.objects.create(kind=kind, slug=kind, title=kind))
    set_standard_delivery("4.95", longest_days=5)
    make_tax()
    order = make_open_order()
    cart = order.cart
    assert cart
    make_discount("TEN")
    cart.set_quantity(make_product(title="Oat mug"), 2)
    cart.store_choices(discount_code="TEN")
    address = Address.objects.create(billing_profile=order.billing_profile, **ADDRESS)
    for kind in Address.Type:
        order.use_address(address, kind)
    Order.objects.update(phone="+44 20 7946 0958", buyer_note="Ring twice", gift_message="Happy birthday")
    order.refresh_from_db()
    cart.refresh_from_db()
    assert place(order, shown_facts(order))
    return order


def other_value(row: models.Model, name: str) -> Any:
    """Return a value that the column can hold and does not hold now."""
    field: Any = row._meta.get_field(name)
    value = getattr(row, field.attname)
    if isinstance(field, models.ForeignKey):
        related = field.related_model._default_manager.exclude(pk=value)
        return related.values_list("pk", flat=True)[0]
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.UUIDField):
        return "00000000-0000-4000-8000-000000000000"
    if isinstance(field, models.DateTimeField):
        return datetime(2020, 1, 1, tzinfo=UTC)
    if isinstance(field, models.DecimalField):
        return value + Decimal("0.01")
    return value + 1 if isinstance(value, int) else f"{value}x"[-field.max_length if field.max_length else None :]


def rows_of(row: models.Model) -> Any:
    return type(row)._default_manager.filter(pk=row.pk)


FROZEN: dict[Any, tuple[str, ...]] = {Order: Order.columns.frozen, OrderItem: OrderItem.columns.frozen}
GUARDED = FROZEN | {Order: (*Order.columns.frozen, *Order.columns.conditional)}


def row_of(placed: Order, model: Any) -> Any:
    return placed if model is Order else placed.items.order_by("pk")[0]


def test_placed_order_has_all_frozen_columns_of_its_quote(placed: Order) -> None:
    values = {name: getattr(placed, name) for name in IDENTITY + FROM_CHECKOUT + FROM_QUOTE}
    assert [name for name, value in values.items() if value in ("", None, 0, Decimal(0))] == []


@pytest.mark.parametrize("model", FROZEN)
def test_checksum_and_audit_notice_a_change_of_each_frozen_column(placed: Order, model: Any) -> None:
    make_open_order()
    make_discount("OTHER")
    row = row_of(placed, model)
    for name in FROZEN[model]:
        assert is_intact(Order.objects.get(pk=placed.pk)), name
        rows_of(row).update(**{name: other_value(row, name)})
        assert not is_intact(Order.objects.get(pk=placed.pk)), name
        assert "I5" in {finding.rule for finding in frozen_orders()}, name
        rows_of(row).update(**{name: getattr(row, row._meta.get_field(name).attname)})


@pytest.mark.parametrize("model", GUARDED)
def test_save_of_an_existing_row_leaves_each_guarded_column(placed: Order, model: Any) -> None:
    make_product()
    make_discount("OTHER")
    make_user()
    make_open_order()
    before = rows_of(row_of(placed, model)).values().get()
    for name in GUARDED[model]:
        row = rows_of(row_of(placed, model)).get()
        setattr(row, row._meta.get_field(name).attname, other_value(row, name))
        row.save()
        after = rows_of(row_of(placed, model)).values().get()
        assert {column for column, value in after.items() if value != before[column]} <= {"updated"}, name


@pytest.mark.slow
def test_admin_shows_what_the_order_copied_from_its_quote(admin_client: Client, placed: Order) -> None:
    page = admin_client.get(f"/admin/orders/order/{placed.pk}/change/").text
    assert [name for name in FROM_QUOTE if name != "discount" and f"field-{name}" not in page] == []


def test_admin_shows_the_frozen_columns_of_lines(admin_client: Client, placed: Order) -> None:
    page = admin_client.get(f"/admin/orders/order/{placed.pk}/change/")
    _item, values = page.context["lines_as_sold"][0]
    assert {value.name for value in values} == set(OrderItem.columns.frozen) - {"order", "product"}
    assert [value.name for value in values if f"field-{value.name}" not in page.text] == []


def test_export_contains_all_columns_that_are_not_internal(placed: Order) -> None:
    user = make_user("owner@example.org")
    Order.objects.filter(pk=placed.pk).update(account=user)
    [entry] = export_personal_data(user)["orders"]
    assert set(Order.columns.exported) <= set(entry)
    assert set(OrderItem.columns.exported) == set(entry["lines"][0])


def test_erasure_removes_all_personal_columns(placed: Order) -> None:
    before = {name: str(getattr(placed, name)) for name in Order.columns.personal}
    assert erase_order(placed)
    for name, text in before.items():
        assert text
        assert text.splitlines()[0] not in getattr(placed, name)
    assert is_intact(placed)


# Versions of the checksum


def constant_order() -> Order:
    """Return an order that is the same in each run, without a row of its own in the database."""
    fields: dict[str, Any] = dict.fromkeys(FROM_QUOTE, Decimal("1.00")) | {
        "discount": None, "discount_code": "TEN", "shipping_title": "Post", "tax_title": "VAT",
        "tax_rate": Decimal("20.000"), "is_tax_included": True, "currency": "gbp", "delivery_days": 5,
    }  # fmt: skip
    order = Order(order_id="2345678923", uuid="00000000-0000-4000-8000-000000000000", pk=1, **fields)
    order.email, order.language = "gia@example.org", "en"
    order.shipping_address_text = order.billing_address_text = "Gia Guest\nUnited Kingdom"
    order.phone, order.buyer_note, order.gift_message = "020 7946 0958", "Ring twice", "Happy birthday"
    amounts = dict.fromkeys(["unit_price", "discount_total", "tax_total", "total"], Decimal("1.00"))
    item = OrderItem(
        order=order, product_id=1, sku="T-1", title="Mug", quantity=1, tax_rate=Decimal("20.000"), **amounts
    )
    order._prefetched_objects_cache = {"items": [item]}  # type: ignore[attr-defined]
    return order


# Add a line for each new version. Never change one: stored orders have these checksums.
CHECKSUMS = {
    1: "2ab6a84c94654a73901b9725f20f6654244303c077c87eb91d1e61968f58f508",
    2: "v2:363bf2a3362ba17b0d45db98d479468e62df8979b18e33c8e6c74fc727758425",
    3: "v3:dc9d303c3bec191becd4650fbeea753a93a6d2314cf3ddde80ad8e2eb19544cd",
    4: "v4:11d60e4603cf765a00b6636d789cccafc1d7e9dfe2f109484a78dfa62a7de879",
}


def test_every_version_of_the_checksum_is_pinned() -> None:
    assert set(CHECKSUMS) == set(range(1, VERSION + 1))


@pytest.mark.parametrize(("version", "value"), CHECKSUMS.items())
def test_checksum_of_a_released_version_stays_the_same(version: int, value: str) -> None:
    """A new frozen column belongs in `added` with a new version, so that the checksums of old orders stay valid."""
    assert checksum_of(constant_order(), version) == value


@pytest.mark.parametrize("version", CHECKSUMS)
def test_order_with_an_old_checksum_version_passes_the_audit(placed: Order, version: int) -> None:
    Order.objects.filter(pk=placed.pk).update(checksum=checksum_of(placed, version))
    assert list(frozen_orders()) == []


@pytest.mark.parametrize("checksum", ["", "v", "v2:", "v9:0", "v2:0", "vx:0", "v0:0"])
def test_order_with_an_invalid_checksum_is_an_audit_finding(placed: Order, checksum: str) -> None:
    Order.objects.filter(pk=placed.pk).update(checksum=checksum)
    assert [finding.rule for finding in frozen_orders()] == ["I5"]
