"""The view behind "Not you? Start afresh"."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from core.http import private
from orders.workflow.start_afresh import Afresh
from orders.workflow.start_afresh import start_afresh as forget_guest


@private
@require_POST
def start_afresh(request: HttpRequest) -> HttpResponse:
    """Cancel the guest's unpaid orders and forget the guest. Change nothing for a user, who logs out instead."""
    if request.user.is_authenticated:
        messages.info(request, _("You are logged in. Log out to remove your details from this browser."))
        return redirect("accounts:profile")
    result = forget_guest(request)
    _report(request, result)
    return redirect("orders:list" if result.unknown else "carts:home")


def _report(request: HttpRequest, result: Afresh) -> None:
    """Show messages without names and numbers, because the next person in front of the browser reads them."""
    text = _("Your details are no longer stored in this browser. The links in our emails still open your orders.")
    messages.success(request, text)
    refunded = [order for order in result.canceled if order.payments.succeeded().exists()]
    if refunded:
        messages.warning(request, _("We will refund the payment we received to your card in full."))
    if count := len(result.canceled) - len(refunded):
        text = ngettext(
            "The unpaid order has been cancelled. Nothing was charged.",
            "%(count)d unpaid orders have been cancelled. Nothing was charged.",
            count,
        )
        messages.info(request, text % {"count": count})
    if count := len(result.paid):
        text = ngettext(
            "One order turned out to be paid, so it was not cancelled. Its confirmation email opens it.",
            "%(count)d orders turned out to be paid, so they were not cancelled. Their confirmation emails open them.",
            count,
        )
        messages.warning(request, text % {"count": count})
    for order in result.unknown:
        text = _(
            "We do not know yet whether order %(number)s was paid, so this browser still shows it. Please press “Not "
            "you? Start afresh” again in a few minutes."
        )
        messages.warning(request, text % {"number": order.order_id})
