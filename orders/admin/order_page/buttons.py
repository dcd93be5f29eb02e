"""The buttons on the page of an order: what this member of staff can do with it now."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.admin.order_page.facts import OrderFacts
from orders.models import Order

S = Order.Status
Text = str | Promise
Obstacle = str | None  # Why a step is not possible now; empty if it is, and None if it makes no sense for this order.

CHANGE, SHIP, REFUND = "orders.change_order", "orders.ship_order", "orders.refund_order"
NOTE = "orders.add_ordernote"


@dataclass(frozen=True)
class Button:
    """A link to a page that does one thing with an order.

    `query` is appended to the URL and can contain the order's key. Without `has_key`, the URL does not contain it.
    """

    label: Text
    url_name: str
    permission: str
    obstacle: Callable[[OrderFacts], Obstacle]
    query: str = ""
    has_key: bool = True


class ShownButton(NamedTuple):
    """A button for one order: with a URL, or with the reason why it is not possible now."""

    label: Text
    url: str
    obstacle: str = ""


def shown_buttons(buttons: tuple[Button, ...], request: HttpRequest, facts: OrderFacts) -> list[ShownButton]:
    """Return the buttons for this member of staff, without those that make no sense for this order."""
    shown = []
    for button in buttons:
        obstacle = button.obstacle(facts) if request.user.has_perm(button.permission) else None
        if obstacle is not None:
            shown.append(ShownButton(button.label, "" if obstacle else _url_of(button, facts.order), obstacle))
    return shown


def _url_of(button: Button, order: Order) -> str:
    path = reverse(f"admin:orders_order_{button.url_name}", args=[order.pk] if button.has_key else [])
    return path + button.query.format(pk=order.pk)


def _if(is_possible: bool) -> Obstacle:
    return "" if is_possible else None


def _ship_obstacle(facts: OrderFacts) -> Obstacle:
    order = facts.order
    if order.status != S.PAID:
        return None
    if not order.refundable:
        return _("nothing is left of its payment")
    if any(withdrawal.awaits_assignment for withdrawal in facts.withdrawals):
        return _("assign the items of its withdrawal first")
    return "" if facts.units_to_ship else _("no units are left to ship")


def _refund_obstacle(facts: OrderFacts) -> Obstacle:
    order = facts.order
    if order.status not in (S.PAID, S.SHIPPED):
        return None
    if facts.refund_obstacle:
        return _("a dispute of the payment prevents it")
    return "" if order.refundable else _("nothing is left of its payment")


def _pack_obstacle(facts: OrderFacts) -> Obstacle:
    return _if(_ship_obstacle(facts) == "" and not facts.is_erased)


def _resend_obstacle(facts: OrderFacts) -> Obstacle:
    is_sent = any(mail.sent and not mail.is_for_staff for mail in facts.emails)
    return _if(is_sent and not facts.is_erased)


def _correct_obstacle(facts: OrderFacts) -> Obstacle:
    return _if(facts.order.status == S.PAID and facts.units_to_ship > 0 and not facts.is_erased)


def _not_erased(facts: OrderFacts) -> Obstacle:
    return _if(not facts.is_erased)


def _always(facts: OrderFacts) -> Obstacle:
    return ""


ACKNOWLEDGE = Button(
    gettext_lazy("Mark as acknowledged"), "acknowledge", CHANGE, lambda facts: _if(bool(facts.order.attention))
)
RESEND = Button(gettext_lazy("Send emails again"), "resend", CHANGE, _resend_obstacle)
MAIN = (
    Button(gettext_lazy("Ship order"), "ship", SHIP, _ship_obstacle),
    Button(gettext_lazy("Refund"), "refund", REFUND, _refund_obstacle),
    Button(gettext_lazy("Cancel order"), "cancel", CHANGE, lambda facts: _if(facts.order.is_unpaid)),
    Button(gettext_lazy("Packing slip"), "slips", SHIP, _pack_obstacle, query="?ids={pk}&kind=slip", has_key=False),
    Button(gettext_lazy("Delivery note"), "slips", SHIP, _pack_obstacle, query="?ids={pk}&kind=note", has_key=False),
    Button(gettext_lazy("Add a note"), "note", NOTE, _always),
    RESEND,
    Button(
        gettext_lazy("Correct the shipping address"), "correct_address", CHANGE, _correct_obstacle,
        query="?kind=shipping",
    ),
    Button(
        gettext_lazy("Correct the billing address"), "correct_address", CHANGE, _correct_obstacle, query="?kind=billing"
    ),
    Button(gettext_lazy("Correct the email address"), "correct_email", CHANGE, _correct_obstacle),
)  # fmt: skip
MORE = (
    Button(gettext_lazy("Return to stock"), "restock", REFUND, lambda facts: _if(facts.has_units_to_restock)),
    Button(
        gettext_lazy("Update from Stripe"), "settle", CHANGE, lambda facts: _if(bool(facts.order.payment_intent_id))
    ),
    Button(
        gettext_lazy("Cancel without Stripe"), "cancel_missing", CHANGE,
        lambda facts: _if(facts.order.status == S.CANCELING and bool(facts.order.payment_intent_id)),
    ),
    Button(gettext_lazy("Revoke emailed links"), "revoke_links", CHANGE, _not_erased),
)  # fmt: skip
