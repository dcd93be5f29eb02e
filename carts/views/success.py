"""The thank-you page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from carts.models import Cart
from core.http import private
from orders.models import Order
from orders.models.item import WITH_PRODUCTS
from orders.views.progress import progress_context
from orders.workflow import payments


@private
@require_safe
def cart_success(request: HttpRequest) -> HttpResponse:
    """Show the thank-you page once Stripe confirms that the last order placed in this session is paid.

    Redirect to the order if it is not paid. Reloading the page or sharing its URL is harmless.
    """
    order = Order.objects.last_for_session(request)
    if order is None or not _can_be_paid(order):
        return redirect("carts:home")
    if order.is_payable and order.may_ask_stripe():
        payments.settle_quietly(order)
    if order.paid_at is None:
        return redirect(order)
    request.paid_order = order.order_id  # type: ignore[attr-defined] # the notice of unpaid orders need not look for it
    Cart.objects.forget(request, order.cart_id)
    context = {
        "order": order,
        "items": WITH_PRODUCTS.rows(order=order.pk),
        **progress_context(order, is_new=order.status == Order.Status.PAID),
    }
    return render(request, "carts/cart_success.html", context)


def _can_be_paid(order: Order) -> bool:
    """Check whether the order has a billing profile, both addresses and an amount to pay."""
    if not (order.billing_profile_id and order.shipping_address_text and order.billing_address_text):
        return False
    return order.total > 0
