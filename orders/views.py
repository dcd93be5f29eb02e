"""Views for a visitor's orders: list, order page, new cards, payment, status and cancellation."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.answers import Intent
from billing.csp import payment_page
from billing.declines import decline_message
from billing.forms import CardForm
from billing.models import Card
from billing.views import begin_setup, keep_card
from carts.checkout import pay_order
from carts.models import Cart
from ecommerce.http import private
from orders import cancelling, payments
from orders.links import read_key
from orders.mails import SHOPPER
from orders.models import Order, Payment, Refund

REFRESH_SECONDS = 5


def _own_order(request: HttpRequest, order_id: str) -> Order:
    """Return the visitor's order with this number. Raise Http404 if the visitor has no such order."""
    return get_object_or_404(Order.objects.of_visitor(request).placed(), order_id=order_id)


def _payable_order(request: HttpRequest, order_id: str) -> Order:
    """Return the visitor's order if it can still be paid, otherwise raise Http404.

    A mailed link to a paid order must not expose the payer's cards.
    """
    order = _own_order(request, order_id)
    if not order.is_payable:
        raise Http404
    return order


def _update_from_stripe(order: Order) -> Intent | None:
    """Update an order that is still open at Stripe. Return its intent if a payment attempt was settled, else None."""
    if order.status == Order.Status.CANCELING:
        cancelling.finish_cancel(order)
    elif order.is_payable:
        if order.open_payment():
            return payments.settle_quietly(order)
        order.refresh_from_db()  # A webhook might have settled it since we read it.
    return None


def situation(order: Order, payment: Payment | None) -> str:
    """Return the situation that the order page shows.

    This is the order's status, or checking, action, declined or unpaid while the order awaits payment.
    """
    if order.status != Order.Status.PLACED:
        return str(order.status)
    if payment is None or payment.status == Payment.Status.CANCELED:
        return "unpaid"
    situations = {Payment.Status.REQUIRES_ACTION: "action", Payment.Status.FAILED: "declined"}
    return situations.get(Payment.Status(payment.status), "checking")


@private
@require_safe
def order_list(request: HttpRequest) -> HttpResponse:
    """List all orders that this visitor is allowed to see, newest first."""
    page = Paginator(Order.objects.of_visitor(request).placed().prefetch_related("items"), 20)
    number = request.GET.get("page", "1")
    if not (number.isascii() and number.isdecimal() and len(number) < 7 and int(number) in page.page_range):
        raise Http404
    return render(request, "orders/order_list.html", {"page_obj": page.page(int(number))})


@private
@payment_page
@require_safe
def order_detail(request: HttpRequest, order_id: str) -> HttpResponse:
    """Show the order. While Stripe's answer is pending, the page refreshes itself without a script."""
    if "key" in request.GET:
        return _open_by_link(request, order_id)
    order = _own_order(request, order_id)
    intent = _update_from_stripe(order)
    payment = order.last_payment()
    now = situation(order, payment)
    context = {
        "order": order,
        "items": order.items.select_related("product"),
        "events": order.events.all(),
        "refunds": Refund.objects.filter(payment__order=order).exclude(status=Refund.Status.FAILED),
        "problem": _payment_problem(payment),
        "situation": now,
        "client_secret": intent.client_secret if intent and now == "action" else "",
        "cards": Card.objects.usable(order.billing_profile) if order.is_payable else [],
    }
    response = render(request, "orders/order_detail.html", context)
    if now in ("checking", "canceling"):
        response["Refresh"] = str(REFRESH_SECONDS)
    return response


def _payment_problem(payment: Payment | None) -> str:
    """Return why the payment failed, in the visitor's language; the stored message is in the order's language."""
    if payment is None:
        return ""
    return decline_message(payment.code, payment.decline_code) if payment.code else payment.message


def _open_by_link(request: HttpRequest, order_id: str) -> HttpResponse:
    """Give access to an order by its mailed link and redirect to the order's URL without the key.

    If the link is not valid, redirect to the login page with a message.
    """
    version = read_key(order_id, request.GET["key"])
    if version is not None:
        Order.objects.open_by_link(request, order_id, version)
    order = Order.objects.of_visitor(request).placed().filter(order_id=order_id).first()
    if order:
        return redirect(order)
    messages.error(request, _("This link no longer works. Log in to see your orders, or contact us."))
    return redirect("accounts:login")


@private
@require_POST
def order_card(request: HttpRequest, order_id: str) -> JsonResponse:
    """Save a new card for the order's payer, who can be the guest that this visitor was before signing in."""
    return keep_card(request, _payable_order(request, order_id).billing_profile)


@private
@require_POST
def order_card_setup(request: HttpRequest, order_id: str) -> JsonResponse:
    """Begin to save a new card for the order's payer with a SetupIntent."""
    return begin_setup(request, _payable_order(request, order_id).billing_profile)


@private
@require_POST
def order_pay(request: HttpRequest, order_id: str) -> HttpResponse:
    """Try to pay the order again, with the same card or another one."""
    order = _own_order(request, order_id)
    if not order.is_payable:
        return redirect(order)
    form = CardForm(request.POST, billing_profile=order.billing_profile)
    if not form.is_valid():
        messages.error(request, form.first_error(), extra_tags="card")
        return redirect(order)
    return pay_order(request, order, form.cleaned_data["card"])


@private
@require_safe
def order_status(request: HttpRequest, order_id: str) -> JsonResponse:
    """Return the current situation, and the URL to continue at, for the page's script."""
    order = _own_order(request, order_id)
    _update_from_stripe(order)
    now = situation(order, order.last_payment())
    return JsonResponse(
        {"situation": now, "url": reverse("carts:success") if now == "paid" else order.get_absolute_url()}
    )


@private
@require_POST
def order_cancel(request: HttpRequest, order_id: str) -> HttpResponse:
    """Cancel the order and move its lines back to the cart."""
    order = _own_order(request, order_id)
    cancelling.cancel(order, by=SHOPPER)
    if order.status != Order.Status.CANCELED:
        return redirect(order)
    if order.cart:
        Cart.objects.take_back(request, order.cart)
    messages.info(request, _("Order %(number)s has been cancelled. Nothing was charged.") % {"number": order.order_id})
    return redirect("carts:home")
