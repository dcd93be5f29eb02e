"""Views that manage saved cards.

They need the payments of orders to know whether a card is being charged, so they cannot be part of billing.
"""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing import cards
from billing.models import BillingProfile, Card
from core.http import private
from orders.models import Payment


def _own_card(request: HttpRequest, pk: int) -> Card:
    """Return the card with this primary key if it belongs to the visitor (user or guest). Raise Http404 otherwise."""
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    if profile is None:
        raise Http404
    return get_object_or_404(Card.objects.saved(profile).select_related("billing_profile"), pk=pk)


@private
@require_POST
def card_default(request: HttpRequest, pk: int) -> HttpResponse:
    """Make this card the default, which is offered first."""
    card = _own_card(request, pk)
    Card.objects.make_default(card)
    messages.success(request, _("%(card)s is now your default card.") % {"card": card})
    return redirect("billing:payment_method")


@private
@require_POST
def card_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a saved card, unless a payment with it is still open."""
    card = _own_card(request, pk)
    if Payment.objects.filter(card=card, status__in=Payment.OPEN).exists():
        messages.error(
            request,
            _("%(card)s is being used for a payment. You can remove it once the payment is complete.") % {"card": card},
        )
    else:
        cards.remove(card)
        messages.success(request, _("%(card)s has been removed.") % {"card": card})
    return redirect("billing:payment_method")
