"""The actions on orders that were selected in the list, except shipping and printing."""

import hashlib

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing import answers
from core.admin import Plan, ReadOnlyAdmin, confirmed_action, record_action
from core.admin.confirmed_actions import group_rows
from orders import links
from orders.models import Order
from orders.workflow import alerts, cancellation, payments


def _paid_or_canceled(order: Order) -> str:
    """Return why an order cannot be canceled."""
    text = _("It is not unpaid: %(status)s.") % {"status": order.get_status_display()}
    return "" if order.is_unpaid else text


def _status(order: Order) -> str:
    return str(order.get_status_display())


def _report_texts(request: HttpRequest, texts: list[tuple[str, Order]]) -> None:
    """Show what became of the orders."""
    for text, names in group_rows(texts):
        messages.info(request, f"{names}: {text}")


CANCEL = Plan(
    effect=gettext_lazy(
        "These orders can no longer be paid, and their items can be bought by others. Stripe is asked first: an order "
        "that has been paid in the meantime stays paid."
    ),
    obstacle=_paid_or_canceled,
    detail=_status,
)
CANCEL_MISSING = Plan(
    effect=gettext_lazy(
        "Those of these orders whose payment Stripe does not know are cancelled, and their items can be bought by "
        "others. The others stay as they are."
    ),
    obstacle=_paid_or_canceled,
    detail=_status,
)
SETTLE = Plan(
    effect=gettext_lazy(
        "Stripe is asked about the payments of these orders. An order gets the status that its payment has there, and "
        "the shopper gets the emails about it."
    ),
    obstacle=lambda order: "" if order.payment_intent_id else _("No payment was started."),
    detail=_status,
)
ACKNOWLEDGE = Plan(
    effect=gettext_lazy("The marks of these orders are removed. Do this when you have dealt with what they say."),
    obstacle=lambda order: "" if order.attention else _("It does not need attention."),
    detail=lambda order: order.attention,
    version=lambda order: hashlib.sha256(order.attention.encode()).hexdigest(),
)
REVOKE = Plan(
    effect=gettext_lazy(
        "The links in all emails about these orders that were sent until now no longer open them. Shoppers can ask for "
        "a new link."
    ),
)


class ListActionsMixin(ReadOnlyAdmin):
    """Cancels and updates orders, acknowledges alerts and revokes links."""

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")

    @confirmed_action(gettext_lazy("Cancel unpaid orders"), ["cancel"], CANCEL)
    def cancel_unpaid(self, request: HttpRequest, rows: list[Order]) -> None:
        for order in rows:
            cancellation.cancel(order, by=request.user.get_username())
            record_action(request, [order], gettext_lazy("Cancellation requested."))
        _report_texts(request, [(_status(order), order) for order in rows])

    @confirmed_action(gettext_lazy("Update payment status from Stripe"), ["cancel"], SETTLE)
    def settle(self, request: HttpRequest, rows: list[Order]) -> None:
        for order in rows:
            payments.settle_quietly(order)
            record_action(request, [order], gettext_lazy("Payment status updated from Stripe."))
        _report_texts(request, [(_status(order), order) for order in rows])

    @confirmed_action(gettext_lazy("Cancel orders whose payment is unknown to Stripe"), ["cancel"], CANCEL_MISSING)
    def cancel_missing_intent(self, request: HttpRequest, rows: list[Order]) -> None:
        texts = []
        for order in rows:
            try:
                is_done = cancellation.cancel_missing_intent(order, by=request.user.get_username())
            except answers.GatewayError:
                is_done = False
            order.refresh_from_db()
            if is_done:
                record_action(request, [order], gettext_lazy("Cancelled, because Stripe does not know the payment."))
            text = _status(order) if is_done else _("Stripe knows this payment or did not answer.")
            texts.append((text, order))
        _report_texts(request, texts)

    @confirmed_action(gettext_lazy("Mark as acknowledged"), ["cancel"], ACKNOWLEDGE)
    def acknowledge_alerts(self, request: HttpRequest, rows: list[Order]) -> None:
        by = request.user.get_username()
        done = [order for order in rows if alerts.acknowledge(order, by, shown=order.attention)]
        record_action(request, done, gettext_lazy("Marked as acknowledged."))
        count = len(done)
        message = ngettext("%(count)d order marked as acknowledged.", "%(count)d orders marked as acknowledged.", count)
        messages.info(request, message % {"count": count})

    @confirmed_action(gettext_lazy("Revoke emailed links"), ["cancel"], REVOKE)
    def revoke_links(self, request: HttpRequest, rows: list[Order]) -> None:
        for order in rows:
            links.revoke(order, by=request.user.get_username())
            record_action(request, [order], gettext_lazy("Emailed links revoked."))
        names = ", ".join(map(str, rows))
        messages.info(request, _("%(order)s: emailed links have been revoked.") % {"order": names})
