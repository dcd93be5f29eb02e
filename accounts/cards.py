"""What an owner does with cards on file; orders know which card is being charged, so this stands above billing."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing import cards
from billing.models import BillingProfile, Card
from ecommerce.http import private
from orders.models import Payment


def _own_card(request: HttpRequest, pk: int) -> Card:
    """The visitor's card of this number, a guest's too; a 404 for everybody else's."""
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    if profile is None:
        raise Http404
    return get_object_or_404(Card.objects.usable(profile).select_related("billing_profile"), pk=pk)


@private
@require_POST
def card_default(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer this card first."""
    card = _own_card(request, pk)
    Card.objects.make_default(card)
    messages.success(request, _("%(card)s is now your default card.") % {"card": card})
    return redirect("billing:payment_method")


@private
@require_POST
def card_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take this card off the file, unless it is being charged at this moment."""
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
