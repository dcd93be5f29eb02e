"""Tests of the log of what staff did: entries of actions, and entries that outlive their author."""

from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import models, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from carts.models import Discount
from orders.models import Order, Refund
from orders.workflow.erasure import Person, erase_person
from products.models import Product
from stripe_simulator.server import Simulator
from tests.admin_forms import open_ship_many, run_action, ship_page_form, submit_refund
from tests.makers import buy, make_discount, make_paid_order, make_product, make_user

pytestmark = pytest.mark.django_db
ORDERS = "admin:orders_order_changelist"


@pytest.fixture
def clerk() -> User:
    return make_user("clerk@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def staff(clerk: User) -> Client:
    client = Client()
    client.force_login(clerk)
    return client


def run(staff: Client, name: str, action: str, *rows: models.Model) -> Any:
    """Run an action of a list."""
    return run_action(staff, reverse(name), action, *rows)


def entries() -> list[tuple[str, str, str]]:
    """Return who did something, to which row, and what, the oldest entry first."""
    log = LogEntry.objects.order_by("pk").select_related("user")
    assert all(entry.action_flag == CHANGE for entry in log)
    return [(entry.user.email, entry.object_repr, entry.get_change_message()) for entry in log]


def test_refund_is_logged_with_its_amount(staff: Client, client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    submit_refund(staff, reverse("admin:orders_order_refund", args=[order.pk]), {"amount": "5.00", "already": "0"})
    refund = Refund.objects.get()
    assert entries() == [("clerk@example.org", str(order), f"Refund requested: {refund}.")]
    assert "Refund requested" in staff.get(reverse("admin:orders_order_history", args=[order.pk])).text


def test_rejected_refund_is_not_logged(staff: Client, client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    submit_refund(staff, reverse("admin:orders_order_refund", args=[order.pk]), {"amount": "999999.00", "already": "0"})
    assert entries() == []


def test_shipping_is_logged_once(staff: Client) -> None:
    order = make_paid_order()
    form = ship_page_form(staff, order)
    for _time in range(2):
        staff.post(reverse("admin:orders_order_ship", args=[order.pk]), form)
    assert entries() == [("clerk@example.org", str(order), "Shipped: shipment 1.")]


def test_list_actions_on_orders_are_logged(staff: Client, client: Client, simulator: Simulator) -> None:
    unpaid = buy(client, make_product(), "tok_chargeCustomerFail")
    paid, alerted = make_paid_order(), make_paid_order()
    Order.objects.filter(pk=alerted.pk).update(attention="Look at this")
    for action, order in {"settle": unpaid, "cancel_unpaid": unpaid, "revoke_links": paid}.items():
        run(staff, ORDERS, action, order)
    open_ship_many(staff, paid).submit()
    run(staff, ORDERS, "acknowledge_alerts", paid, alerted)
    assert [(row, text) for _user, row, text in entries()] == [
        (str(unpaid), "Payment status updated from Stripe."),
        (str(unpaid), "Cancellation requested."),
        (str(paid), "Emailed links revoked."),
        (str(paid), "Shipped: shipment 1."),
        (str(alerted), "Marked as acknowledged."),
    ]


def test_cancellation_of_an_order_that_stripe_does_not_know_is_logged(
    staff: Client, client: Client, simulator: Simulator
) -> None:
    known, unknown = (buy(client, make_product(), "tok_chargeCustomerFail") for _number in range(2))
    Order.objects.filter(pk=unknown.pk).update(payment_intent_id="pi_unknown")
    run(staff, ORDERS, "cancel_missing_intent", known, unknown)
    text = "Cancelled, because Stripe does not know the payment."
    assert entries() == [("clerk@example.org", str(unknown), text)]


def test_list_actions_on_products_and_codes_are_logged(staff: Client) -> None:
    mugs, code = [make_product(title=f"Mug {number}") for number in range(2)], make_discount("TEN")
    url = reverse("admin:products_product_changelist")
    for action in ("unpublish", "publish"):
        is_active = int(action == "unpublish")
        run_action(staff, f"{url}?active__exact={is_active}", action, *mugs)
    run(staff, "admin:carts_discount_changelist", "deactivate", code)
    assert [(row, text) for _user, row, text in entries()] == [
        *[(f"Mug {number}", "Removed from sale.") for number in (1, 0)],
        *[(f"Mug {number}", "Made available for sale.") for number in (1, 0)],
        ("TEN", "Deactivated."),
    ]
    assert (Product.objects.filter(active=True).count(), Discount.objects.get().active) == (2, False)


def test_entries_are_in_the_language_of_staff(staff: Client, settings: Any) -> None:
    code = make_discount("TEN")
    staff.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    run(staff, "admin:carts_discount_changelist", "deactivate", code)
    assert LogEntry.objects.get().change_message == "Deactivated."


def test_every_action_of_the_admin_is_logged() -> None:
    """Fail for a new action. It has to call `record_action`, and a test above has to run it."""
    from django.contrib import admin

    actions = {
        f"{model._meta.label}.{action if isinstance(action, str) else action.__name__}"
        for model, page in admin.site._registry.items()
        for action in page.actions or ()
    }
    orders = ["ship_orders", "cancel_unpaid", "cancel_missing_intent", "settle", "acknowledge_alerts", "revoke_links"]
    own = {f"orders.Order.{name}" for name in orders} | {"orders.Refund.retry_mismatch_refund"}
    own |= {"products.Product.publish", "products.Product.unpublish", "carts.Discount.deactivate"}
    own |= {"core.Page.publish", "core.Page.unpublish"}
    own |= {"orders.Order.print_slips", "orders.Order.print_notes"}  # They change nothing.
    assert {action for action in actions if not action.endswith(".delete_selected")} == own


# Authors


def test_user_with_entries_cannot_be_deleted(staff: Client, clerk: User) -> None:
    run(staff, "admin:carts_discount_changelist", "deactivate", make_discount("TEN"))
    clerk.billing_profile.delete()
    for delete in (clerk.delete, User.objects.filter(pk=clerk.pk).delete):
        with pytest.raises(models.ProtectedError, match="Erase the person instead"), transaction.atomic():
            delete()
    assert entries() == [("clerk@example.org", "TEN", "Deactivated.")]


def test_user_without_entries_can_be_deleted(clerk: User) -> None:
    clerk.billing_profile.delete()
    clerk.delete()
    assert not User.objects.exists()


def test_entries_of_an_erased_clerk_stay_with_their_author_and_time(staff: Client, clerk: User) -> None:
    boss = make_user("boss@example.org", is_staff=True, is_superuser=True)
    run(staff, "admin:carts_discount_changelist", "deactivate", make_discount("TEN"))
    before = LogEntry.objects.values("user_id", "action_time", "object_id", "change_message").get()
    erase_person(Person.of_user(clerk), by=boss)
    assert LogEntry.objects.filter(user=clerk.pk).values(*before).get() == before
    page = Client()
    page.force_login(boss)
    text = page.get(reverse("admin:admin_logentry_changelist") + f"?user__id__exact={clerk.pk}").text
    assert "Deactivated." in text
    assert f"deleted-{clerk.pk}-" in text
    assert "clerk@example.org" not in text


def test_list_of_entries_cannot_be_changed(staff: Client) -> None:
    run(staff, "admin:carts_discount_changelist", "deactivate", make_discount("TEN"))
    url, entry = "admin:admin_logentry_", LogEntry.objects.get()
    assert "Deactivated." in staff.get(reverse(f"{url}change", args=[entry.pk])).text
    for name, args in {"add": [], "delete": [entry.pk]}.items():
        assert staff.post(reverse(url + name, args=args), {"post": "yes"}).status_code == 403
    assert staff.post(reverse(f"{url}change", args=[entry.pk]), {"change_message": "x"}).status_code == 403
