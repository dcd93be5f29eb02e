"""Steps with one order that need no form: a page that says what will happen, and a button that does it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing import answers
from core.admin import ReadOnlyAdmin, record_action
from core.money import format_money
from orders import links
from orders.models import Order, Payment
from orders.workflow import alerts, cancellation, payments

S = Order.Status
CHANGED = gettext_lazy("Somebody else changed this order in the meantime. Nothing was changed.")


@dataclass(frozen=True)
class Step:
    """A step with one order.

    `state` is what the page shows and the step changes. The step runs only while that is still the same. `run` does it,
    records the action, and tells this member of staff the result.
    """

    name: str
    label: str | Promise
    is_possible: Callable[[Order], bool]
    state: Callable[[Order], str]
    explain: Callable[[Order], Iterator[str]]
    run: Callable[[HttpRequest, Order], None]


def _tell_status(request: HttpRequest, order: Order) -> None:
    params = {"order": order, "status": order.get_status_display()}
    messages.info(request, _("%(order)s: %(status)s") % params)


def _explain_cancellation(order: Order) -> Iterator[str]:
    if order.status == S.CANCELING:
        yield _("The cancellation was requested before, but Stripe has not confirmed it. The shop asks Stripe again.")
    if order.payments.filter(status__in=Payment.OPEN).exists():
        yield _("A payment is being checked. If it succeeds first, the order is paid and not cancelled.")
    yield _("The payment is cancelled at Stripe, so that no card can be charged for this order.")
    units, amount = order.item_count, format_money(order.total, order.currency) if order.currency else order.total
    text = ngettext("%(units)d unit, %(amount)s in total.", "%(units)d units, %(amount)s in total.", units)
    yield _("The order ends as cancelled:") + " " + text % {"units": units, "amount": amount}
    if order.holds_stock:
        yield _("Its items are no longer reserved and can be sold to others.")
    if order.discount_code:
        yield _("The discount code %(code)s can be used once more.") % {"code": order.discount_code}
    if order.cart_id:
        yield _("The items return to the shopper’s cart.")
    if order.email:
        yield _("The shopper gets an email: %(email)s") % {"email": order.email}
    yield _("This cannot be undone.")


def _cancel(request: HttpRequest, order: Order) -> None:
    was_requested = order.status == S.CANCELING
    is_first = cancellation.cancel(order, by=request.user.get_username())
    if not (is_first or was_requested):
        messages.error(request, CHANGED)
        return
    record_action(request, [order], gettext_lazy("Cancellation requested."))
    params = {"order": order}
    if order.status == S.CANCELED:
        messages.success(request, _("%(order)s has been cancelled.") % params)
    elif order.status == S.CANCELING:
        text = _("Stripe has not confirmed the cancellation of %(order)s yet. The shop will ask again.")
        messages.warning(request, text % params)
    else:
        messages.error(request, _("%(order)s was paid in the meantime and was not cancelled.") % params)


def _explain_missing(order: Order) -> Iterator[str]:
    yield _(
        "Use this only if Stripe does not know the payment, for example because the shop changed its Stripe account."
    )
    yield _("If Stripe knows the payment or does not answer, nothing is changed.")
    yield _("Otherwise the order ends as cancelled, and its items can be sold to others. This cannot be undone.")


def _cancel_missing(request: HttpRequest, order: Order) -> None:
    try:
        is_done = cancellation.cancel_missing_intent(order, by=request.user.get_username())
    except answers.GatewayError:
        is_done = False
    order.refresh_from_db()
    if is_done:
        record_action(request, [order], gettext_lazy("Cancelled, because Stripe does not know the payment."))
        _tell_status(request, order)
    else:
        messages.error(request, _("Stripe knows this payment or did not answer."))


def _explain_update(order: Order) -> Iterator[str]:
    yield _(
        "The shop asks Stripe about the payment, the refunds and the disputes of this order, and stores the answer."
    )
    yield _("The order’s status can change, for example to paid, and the shopper then gets the usual email.")


def _update(request: HttpRequest, order: Order) -> None:
    intent = payments.settle_quietly(order)
    record_action(request, [order], gettext_lazy("Payment status updated from Stripe."))
    order.refresh_from_db()
    if intent is None:
        messages.warning(request, _("Stripe did not answer, or does not know this payment."))
    _tell_status(request, order)


def _explain_acknowledgment(order: Order) -> Iterator[str]:
    yield order.attention
    yield _("The mark disappears from the order and from the list. The text stays in the order’s history.")


def _acknowledge(request: HttpRequest, order: Order) -> None:
    if alerts.acknowledge(order, by=request.user.get_username(), shown=order.attention):
        record_action(request, [order], gettext_lazy("Marked as acknowledged."))
        messages.success(request, _("%(order)s has been marked as acknowledged.") % {"order": order})
    else:
        messages.error(request, CHANGED)


def _explain_revocation(order: Order) -> Iterator[str]:
    yield _("The links in all emails sent so far no longer open this order. Links in later emails work.")
    yield _("Use this if an email reached somebody else. This cannot be undone.")


def _revoke(request: HttpRequest, order: Order) -> None:
    if links.revoke(order, by=request.user.get_username(), version=order.link_version):
        record_action(request, [order], gettext_lazy("Emailed links revoked."))
        messages.success(request, _("%(order)s: emailed links have been revoked.") % {"order": order})
    else:
        messages.error(request, CHANGED)


def _status(order: Order) -> str:
    return str(order.status)


STEPS = (
    Step(
        "cancel", gettext_lazy("Cancel order"), lambda order: order.is_unpaid, _status, _explain_cancellation, _cancel
    ),
    Step(
        "cancel_missing", gettext_lazy("Cancel without Stripe"), lambda order: order.is_unpaid, _status,
        _explain_missing, _cancel_missing,
    ),
    Step(
        "settle", gettext_lazy("Update from Stripe"), lambda order: bool(order.payment_intent_id), lambda order: "",
        _explain_update, _update,
    ),
    Step(
        "acknowledge", gettext_lazy("Mark as acknowledged"), lambda order: bool(order.attention),
        lambda order: sha256(order.attention.encode()).hexdigest(), _explain_acknowledgment, _acknowledge,
    ),
    Step(
        "revoke_links", gettext_lazy("Revoke emailed links"), lambda order: bool(order.email),
        lambda order: str(order.link_version), _explain_revocation, _revoke,
    ),
)  # fmt: skip


class StepsMixin(ReadOnlyAdmin):
    """Runs one step with one order."""

    def has_step_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add a page for each step below the order's URL."""
        own = self.admin_site.admin_view
        return [
            *(
                path(
                    f"<int:pk>/{step.name.replace('_', '-')}/", own(partial(self.step_view, step=step)),
                    name=f"orders_order_{step.name}",
                )
                for step in STEPS
            ),
            *super().get_urls(),
        ]  # fmt: skip

    def step_view(self, request: HttpRequest, pk: int, step: Step) -> HttpResponse:
        """Show what the step will do, and do it on POST."""
        if not self.has_step_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed(), pk=pk)
        page, state = redirect(reverse("admin:orders_order_change", args=[pk])), step.state(order)
        if request.method == "POST" and request.POST.get("shown", "") != state:
            messages.error(request, CHANGED)
            return page
        if not step.is_possible(order):
            messages.error(request, _("This is not possible now. Nothing was changed."))
            return page
        if request.method == "POST":
            step.run(request, order)
            return page
        context = {**self.admin_site.each_context(request), "order": order, "opts": self.opts, "title": step.label}
        context |= {"texts": list(step.explain(order)), "state": state}
        return render(request, "orders/admin/step.html", context)
