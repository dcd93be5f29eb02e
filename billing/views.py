"""Views for the card page, its script and Stripe's webhook."""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from billing import answers, cards
from billing.abuse import calls, confirmation
from billing.abuse.rejections import TooManyRequests, rejection_json
from billing.csp import payment_page
from billing.declines import decline_message
from billing.forms import SetupForm, TokenForm
from billing.models import BillingProfile, Card, StripeEvent
from billing.signals import stripe_event
from billing.stripe_calls.keys import is_live
from core.http import next_url, private
from orders.models import Order

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
    return save_card(request, profile, payable=_payable_number(profile)) if profile else _no_profile_response()


@private
@require_POST
def setup_intent(request: HttpRequest) -> JsonResponse:
    """Create a SetupIntent to save a card with.

    Return its client secret for Stripe's card field as JSON, or status 403 if the visitor has no profile.
    """
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    if profile is None:
        return _no_profile_response()
    return begin_card_setup(request, profile, cards.CardUse(payable_number=_payable_number(profile)))


def _payable_number(profile: BillingProfile) -> str:
    """Return the number of the guest's open order, if it can be placed. The limits of users do not need it."""
    return Order.objects.payable_number(profile) if profile.is_guest else ""


def _no_profile_response() -> JsonResponse:
    return JsonResponse({"error": _("Log in or continue as a guest first.")}, status=403)


def save_card(request: HttpRequest, profile: BillingProfile, order_number: str = "", payable: str = "") -> JsonResponse:
    """Save a card for this profile and return the JSON response.

    The page of a placed order passes the profile of its payer and its number. A card that is not saved then belongs to
    this order, and an email address that Stripe rejects is left out. `payable` is described at cards.CardUse.
    """
    form = SetupForm(request.POST) if "setup_intent" in request.POST else TokenForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": form.first_error()}, status=400)

    def save() -> dict[str, Any]:
        use = cards.CardUse(form.is_save_chosen, order_number, payable)
        if "setup_intent" in form.cleaned_data:
            card = cards.save_setup_card(profile, form.cleaned_data["setup_intent"], use)
        else:
            card = cards.save_token_card(request, profile, form.cleaned_data["token"], use)
        return {"card": card.pk, "label": str(card)}

    return _respond(profile, save)


def begin_card_setup(request: HttpRequest, profile: BillingProfile, use: cards.CardUse) -> JsonResponse:
    """Create a SetupIntent for this profile and return the JSON response for Stripe's card field."""
    return _respond(profile, lambda: {"client_secret": cards.create_setup(request, profile, use)})


def _respond(profile: BillingProfile, action: Callable[[], dict[str, Any]]) -> JsonResponse:
    """Return the result of the action as JSON, or an error message for the shopper if it fails."""
    try:
        return JsonResponse(action())
    except TooManyRequests as error:
        return rejection_json(error)
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


@private
def card_link(request: HttpRequest) -> HttpResponse:
    """Offer to confirm the visitor's email address, and email the link to a guest who asks for it.

    The order is the one that the visitor wants to pay. A user verifies the email address of the account instead.
    """
    number = (request.POST.get("order") or request.GET.get("order") or "")[:20]
    order = Order.objects.for_visitor(request).to_pay(number).select_related("billing_profile").first()
    is_guest = not request.user.is_authenticated
    profile = order.billing_profile if order else None
    if is_guest and profile is None:
        messages.error(request, _("Your checkout has expired. Please start again from your cart."))
        return redirect("carts:home")
    target = order.get_absolute_url() if order and order.status != Order.Status.OPEN else reverse("carts:checkout")
    if profile and order and request.method == "POST" and is_guest:
        confirmation.queue_link(request, profile, order.order_id)
        text = _("We have sent a link to %(email)s. It may take a minute. Open it, then come back to this page.")
        messages.info(request, text % {"email": profile.email})
        return redirect(f"{request.path}?order={order.order_id}")
    is_confirmed = confirmation.is_confirmed(request, profile) if profile else False
    context = {"order": order, "email": profile.email if profile else "", "is_confirmed": is_confirmed}
    return render(request, "billing/card_link.html", context | {"target": target})


@private
def card_link_open(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm the guest's email address through the emailed link, in this browser or another one.

    GET only shows a page with a button, because email scanners also follow links. The page shows nothing of the guest.
    """
    mail = confirmation.read_token(token)
    order = Order.objects.to_pay(mail.order_number).filter(billing_profile=mail.billing_profile_id) if mail else None
    if mail is None or order is None or not order.exists():
        return render(request, "billing/card_link_invalid.html", status=404)
    if request.method == "POST":
        confirmation.confirm(mail)
        return redirect(request.path)
    is_own = order.filter(pk__in=Order.objects.for_visitor(request).values("pk")).exists()
    context = {"is_confirmed": mail.used is not None, "is_own": is_own, "order_number": mail.order_number}
    return render(request, "billing/card_link_open.html", context)


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
    calls.exempt()
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
