"""Views for the order list, the order page and the order status."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch, prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from billing.answers import Intent
from billing.csp import payment_page
from billing.declines import decline_message
from core.http import private
from orders.links import read_key
from orders.models import Order, OrderItem, Payment, Refund
from orders.models.history import split_history
from orders.views.progress import progress_context
from orders.workflow import cancellation, order_cards, payments
from orders.workflow.withdrawals.period import is_withdrawable

REFRESH_SECONDS = 5


def own_order(request: HttpRequest, order_id: str) -> Order:
    """Return the visitor's order with this number. Raise Http404 if the visitor has no such order."""
    order = Order.objects.find_for_visitor(request, order_id)
    if order is None or order.status == Order.Status.OPEN:
        raise Http404
    return order


def _update_from_stripe(order: Order) -> Intent | None:
    """Update an order that is still open at Stripe. Return its intent if a payment attempt was settled, else None.

    If another page has just asked Stripe, only read the order again. A webhook might have settled it since, too.
    """
    is_open = order.status == Order.Status.CANCELING or (order.is_payable and order.open_payment())
    if is_open and order.may_ask_stripe():
        if order.is_payable:
            return payments.settle_quietly(order)
        cancellation.finish_cancellation(order)
    elif order.is_unpaid:
        order.refresh_from_db()
    return None


def payment_state(order: Order, payment: Payment | None) -> str:
    """Return the payment state that the order page shows.

    This is the order's status, or checking, action, declined or unpaid while the order awaits payment.
    """
    return payment_state_of(order, payment.status if payment else None)


def payment_state_of(order: Order, last_status: str | None) -> str:
    """Return the payment state of an order whose last payment attempt has this status, or that has none."""
    if order.status != Order.Status.PLACED:
        return str(order.status)
    if last_status in (None, Payment.Status.CANCELED):
        return "unpaid"
    states = {Payment.Status.REQUIRES_ACTION: "action", Payment.Status.FAILED: "declined"}
    return states.get(Payment.Status(last_status), "checking")


@private
@require_safe
def order_list(request: HttpRequest) -> HttpResponse:
    """List all orders that this visitor is allowed to see, newest first."""
    page = Paginator(Order.objects.for_visitor(request).placed().prefetch_related("items"), 20)
    number = request.GET.get("page", "1")
    if not (number.isascii() and number.isdecimal() and len(number) < 7 and int(number) in page.page_range):
        raise Http404
    return render(request, "orders/order_list.html", {"page_obj": page.page(int(number))})


@private
@payment_page
@require_safe
def order_detail(request: HttpRequest, order_id: str) -> HttpResponse:
    """Show the order. While Stripe's response is pending, the page refreshes itself without a script."""
    if "key" in request.GET:
        return _open_by_link(request, order_id)
    order = own_order(request, order_id)
    intent = _update_from_stripe(order)
    prefetch_related_objects([order], Prefetch("items", OrderItem.objects.select_related("product")))
    payment = order.last_payment()
    state = payment_state(order, payment)
    shown_events, folded_events = split_history(list(order.events.all()), order.is_unpaid)
    context = {
        "order": order,
        "items": order.items.all(),
        "events": shown_events,
        "folded_events": folded_events,
        "refunds": Refund.objects.filter(payment__order=order).exclude(status=Refund.Status.FAILED),
        **progress_context(order),
        "error": _payment_error(payment),
        "payment_state": state,
        "is_withdrawable": is_withdrawable(order),
        "client_secret": intent.client_secret if intent and state == "action" else "",
        **(order_cards.card_choice(order) if order.is_payable else {"cards": []}),
    }
    response = render(request, "orders/order_detail.html", context)
    if state in ("checking", "canceling") or (state == "action" and not context["client_secret"]):
        response["Refresh"] = str(REFRESH_SECONDS)
    return response


def _payment_error(payment: Payment | None) -> str:
    """Return why the payment failed, in the visitor's language; the stored message is in the order's language."""
    if payment is None:
        return ""
    return decline_message(payment.code, payment.decline_code) if payment.code else payment.message


def _open_by_link(request: HttpRequest, order_id: str) -> HttpResponse:
    """Give access to an order through its emailed link and redirect to the order's URL without the key.

    If the link is not valid, redirect to the login page with a message.
    """
    version = read_key(order_id, request.GET["key"])
    if version is not None:
        Order.objects.remember_link(request, order_id, version)
    order = Order.objects.for_visitor(request).placed().filter(order_id=order_id).first()
    if order:
        return redirect(order)
    messages.error(request, _("This link no longer works. Log in to see your orders, or contact us."))
    return redirect("accounts:login")


@private
@require_safe
def order_status(request: HttpRequest, order_id: str) -> JsonResponse:
    """Return the current payment state and the next URL as JSON for the page's script."""
    order = own_order(request, order_id)
    intent = _update_from_stripe(order)
    state = payment_state(order, order.last_payment())
    url = reverse("carts:success") if state == "paid" else order.get_absolute_url()
    # In the state "action", the script has just answered the bank. It asks again if Stripe was not asked.
    unknown = {"is_known": False} if state == "action" and intent is None else {}
    return JsonResponse({"situation": state, "url": url} | unknown)
