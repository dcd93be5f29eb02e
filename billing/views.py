"""Views for the card page, its script and Stripe's webhook."""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from billing import answers, cards, limits
from billing.csp import payment_page
from billing.declines import decline_message
from billing.forms import SetupForm, TokenForm
from billing.models import BillingProfile, Card, StripeEvent
from billing.signals import stripe_event
from billing.stripe_calls.keys import is_live
from core.http import next_url, private

logger = logging.getLogger(__name__)


@private
@payment_page
@require_safe
def payment_method(request: HttpRequest) -> HttpResponse:
    """Show the saved cards and the field for a new one. Redirect anonymous visitors to the login page."""
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    if profile is None:
        return redirect(f"{reverse('accounts:login')}?next={reverse('billing:payment_method')}")
    context = {
        "cards": Card.objects.saved(profile),
        "is_guest": profile.is_guest,
        "billing_profile": profile,
        "next": next_url(request, resolve_url("billing:payment_method")),
    }
    return render(request, "billing/payment_method.html", context)


@private
@require_POST
def payment_processing(request: HttpRequest) -> JsonResponse:
    """Save the card of the token that `stripeTokenHandler` sent, or of a SetupIntent.

    Return the id and the label of the card as JSON, or status 403 if the visitor has no profile.
    """
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    return save_card(request, profile) if profile else _no_profile_response()


@private
@require_POST
def setup_intent(request: HttpRequest) -> JsonResponse:
    """Create a SetupIntent to save a card with.

    Return its client secret for Stripe's card field as JSON, or status 403 if the visitor has no profile.
    """
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    return begin_card_setup(request, profile) if profile else _no_profile_response()


def _no_profile_response() -> JsonResponse:
    return JsonResponse({"error": _("Log in or continue as a guest first.")}, status=403)


def save_card(request: HttpRequest, profile: BillingProfile, order_number: str = "") -> JsonResponse:
    """Save a card for this profile and return the JSON response.

    The page of a placed order passes the profile of its payer and its number. A card that is not saved then belongs to
    this order, and an email address that Stripe rejects is left out.
    """
    form = SetupForm(request.POST) if "setup_intent" in request.POST else TokenForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": form.first_error()}, status=400)

    def save() -> dict[str, Any]:
        use = cards.CardUse(form.is_save_chosen, order_number)
        if "setup_intent" in form.cleaned_data:
            card = cards.save_setup_card(profile, form.cleaned_data["setup_intent"], use)
        else:
            card = cards.save_token_card(request, profile, form.cleaned_data["token"], use)
        return {"card": card.pk, "label": str(card)}

    return _respond(profile, save)


def begin_card_setup(request: HttpRequest, profile: BillingProfile, is_email_optional: bool = False) -> JsonResponse:
    """Create a SetupIntent for this profile and return the JSON response for Stripe's card field."""
    return _respond(profile, lambda: {"client_secret": cards.create_setup(request, profile, is_email_optional)})


def _respond(profile: BillingProfile, action: Callable[[], dict[str, Any]]) -> JsonResponse:
    """Return the result of the action as JSON, or an error message for the shopper if it fails."""
    try:
        return JsonResponse(action())
    except limits.TooManyCardAttempts as error:
        return limits.rejection_json(error)
    except answers.Declined as error:
        return _error_json(decline_message(error.code, error.decline_code), 402)
    except cards.UnusableCard as error:
        return _error_json(str(error), 400)
    except answers.EmailRejected:
        return _email_rejected_json(profile)
    except (answers.Missing, answers.TokenUsed):
        return _error_json(_("Your card could not be read. Nothing was charged. Please enter it again."), 400)
    except (answers.GatewayError, ValueError) as error:
        logger.error("card not saved for billing profile %s: %s", profile.pk, error)
        text = _("Your card could not be checked right now. Nothing was charged. Please try again in a moment.")
        return _error_json(text, 424)


def _email_rejected_json(profile: BillingProfile) -> JsonResponse:
    """Return the error for an email address that Stripe rejected, with a link to correct it."""
    text = _("The payment service does not accept the email address %(email)s. Please correct it.")
    url = reverse("carts:checkout") + "?details" if profile.is_guest else reverse("accounts:email_change")
    link = {"url": url, "text": _("Correct the email address")}
    return JsonResponse({"error": text % {"email": profile.email}, "link": link}, status=400)


def _error_json(message: str, status: int) -> JsonResponse:
    return JsonResponse({"error": message}, status=status)


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Receive an event from Stripe.

    Verify the signature, then ask Stripe for the current state. Return 400 for an invalid delivery, and 503 if a call
    to Stripe fails, so that Stripe delivers the event again. BodyLimitMiddleware rejects a delivery that is too long.
    """
    try:
        event = answers.read_event(request.body, request.headers.get("Stripe-Signature", ""))
    except ValueError:
        return HttpResponse(status=400)
    if event.livemode != is_live(settings.STRIPE_SECRET_KEY):
        return HttpResponse(status=400)
    row = StripeEvent.objects.receive(event)
    if row.processed:
        return HttpResponse()
    try:
        stripe_event.send(StripeEvent, intent_id=event.intent_id, type=event.type)
    except answers.GatewayError as error:
        StripeEvent.objects.filter(pk=row.pk).update(error=str(error))
        return HttpResponse(status=503)
    StripeEvent.objects.filter(pk=row.pk).update(processed=timezone.now(), error="")
    return HttpResponse()
