"""Views that pay for a placed order with new or saved cards, or cancel it."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing import limits
from billing.abuse import calls
from billing.cards import CardUse
from billing.forms import CardForm
from billing.models import Card, CardAttempt
from billing.views import begin_card_setup, save_card
from carts.models import Cart
from core.http import private
from orders.emails.queue import SHOPPER
from orders.models import Order, Payment, holds
from orders.views.order import own_order
from orders.workflow import cancellation, payments
from orders.workflow.payment_errors import PaymentNotPossible

# Whether a payment attempt counts as successful or as declined. Any other status is not a result yet.
ATTEMPT_RESULTS: dict[str, bool] = {Payment.Status.SUCCEEDED: True, Payment.Status.FAILED: False}


def pay_order(request: HttpRequest, order: Order, card: Card, attempt: CardAttempt | None = None) -> HttpResponse:
    """Charge the card and redirect to the thank-you page if the order is paid, otherwise to the order page.

    `attempt` is the row that counts this request. Without it, start an attempt and raise TooManyRequests if it is
    over a limit.
    """
    if attempt is None:
        attempt = limits.start_attempt(
            request,
            CardAttempt.Kind.PAY,
            order.billing_profile,
            limits.Purpose(order.order_id, card, back=order.get_absolute_url()),
        )
    try:
        payments.pay(order, card, must_authenticate=attempt.must_authenticate)
        _record_result(attempt, order)
    except PaymentNotPossible as error:
        attempt.record(ok=None)
        messages.error(request, error.message)
    finally:
        if not order.is_paid:
            holds.limit_hold(order)
    return redirect("carts:success" if order.status == Order.Status.PAID else order)


def _record_result(attempt: CardAttempt, order: Order) -> None:
    """Record whether the payment was successful or declined. Without a result, the attempt does not count.

    An attempt whose bank check has begun stays in progress and counts as declined, until `record_bank_check` records
    that the shopper passed the check. If the order was canceled meanwhile, its release has recorded the result.
    """
    payment = None if order.is_paid else order.last_payment()
    if payment is None:
        attempt.record(ok=True if order.is_paid else None)
    elif payment.status not in (Payment.Status.REQUIRES_ACTION, Payment.Status.CANCELED):
        attempt.record(ok=ATTEMPT_RESULTS.get(payment.status))


def _respond_if_payable(order: Order, respond: Callable[[], JsonResponse]) -> JsonResponse:
    """Return the response for a new card if the order can still be paid, otherwise an error with a link to the order.

    An emailed link to a paid order must not expose the payer's cards. The error is JSON, because the card field of a
    page that was opened before shows it.
    """
    if order.is_payable:
        return respond()
    text = _("This order has changed in the meantime. Please check it before you pay again.")
    link = {"url": order.get_absolute_url(), "text": _("Show the order")}
    return JsonResponse({"error": text, "link": link}, status=404)


@private
@require_POST
def order_card(request: HttpRequest, order_id: str) -> JsonResponse:
    """Save a new card for the order's payer, which can be the guest profile the visitor had before signing in."""
    order = own_order(request, order_id)
    return _respond_if_payable(order, lambda: save_card(request, order.billing_profile, order.order_id))


@private
@require_POST
def order_card_setup(request: HttpRequest, order_id: str) -> JsonResponse:
    """Begin to save a new card for the order's payer with a SetupIntent."""
    order = own_order(request, order_id)
    use = CardUse(order_number=order.order_id)
    return _respond_if_payable(order, lambda: begin_card_setup(request, order.billing_profile, use))


@private
@require_POST
def order_pay(request: HttpRequest, order_id: str) -> HttpResponse:
    """Try to pay the order again, with the same card or another one."""
    order = own_order(request, order_id)
    if not order.is_payable:
        return redirect(order)
    form = CardForm(request.POST, billing_profile=order.billing_profile, order_number=order.order_id)
    if not form.is_valid():
        messages.error(request, form.first_error(), extra_tags="card")
        return redirect(order)
    return pay_order(request, order, form.cleaned_data["card"])


@private
@require_POST
def order_cancel(request: HttpRequest, order_id: str) -> HttpResponse:
    """Cancel the order and move its lines back to the cart."""
    order = own_order(request, order_id)
    if order.payment_intent_id:
        calls.reserve(calls.CANCELLATION, order.get_absolute_url())
    cancellation.cancel(order, by=SHOPPER)
    is_canceled = order.status == Order.Status.CANCELED
    if is_canceled and order.cart:
        Cart.objects.remember_restored(request, order.cart, order.order_id)
    if not is_canceled or order.payments.succeeded().exists():
        return redirect(order)  # this page says what happened to the payment
    messages.info(request, _("Order %(number)s has been cancelled. Nothing was charged.") % {"number": order.order_id})
    return redirect("carts:home")
