"""The view behind "Find my order"."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from core.http import private
from orders.emails.order_links import queue_link
from orders.shopper_forms import FindOrderForm


@private
def order_find(request: HttpRequest) -> HttpResponse:
    """Request a link to an order. Neither the response nor its timing reveals whether the order exists."""
    form = FindOrderForm(request.POST or None)
    if form.is_valid():
        queue_link(request, form.cleaned_data["order_number"], form.cleaned_data["email"])
        text = _("If an order with this number and email exists, we have sent a link to it to this email.")
        messages.info(request, text)
        return redirect("orders:find")
    return render(request, "orders/order_find.html", {"form": form})
