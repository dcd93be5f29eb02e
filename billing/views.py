"""The card page, what its script talks to, and the webhook."""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from billing import gateway
from billing.csp import payment_page
from billing.declines import decline_message
from billing.forms import TokenForm
from billing.models import BillingProfile, Card, StripeEvent
from billing.signals import stripe_event
from ecommerce.http import next_url, private

logger = logging.getLogger(__name__)
MOST_BYTES = 1_000_000  # of a webhook delivery


@private
@payment_page
@require_safe
def payment_method(request: HttpRequest) -> HttpResponse:
    """The cards on file, and the field for a new one."""
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    if profile is None:
        return redirect(f"{reverse('accounts:login')}?next={reverse('billing:payment_method')}")
    context = {"cards": Card.objects.usable(profile), "next": next_url(request, resolve_url("billing:payment_method"))}
    return render(request, "billing/payment_method.html", context)


@private
@require_POST
def payment_processing(request: HttpRequest) -> JsonResponse:
    """Keep the card behind the token that `stripeTokenHandler` sent; answers its id and name, or what to tell."""
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    if profile is None:
        return JsonResponse({"error": _("Log in or go on as a guest first.")}, status=403)
    return keep_card(request, profile)


def keep_card(request: HttpRequest, profile: BillingProfile) -> JsonResponse:
    """The answer to a token for this profile; an order's page keeps cards for the order's own payer."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": form.errors["token"][0]}, status=400)
    try:
        card = _add_card(profile, form.cleaned_data["token"])
    except gateway.Declined as error:
        return JsonResponse({"error": decline_message(error.code, error.decline_code)}, status=402)
    except gateway.Missing:
        text = _("Your card could not be read. Nothing was charged. Please enter it again.")
        return JsonResponse({"error": text}, status=400)
    except (gateway.GatewayError, ValueError) as error:
        logger.error("no card for profile %s: %s", profile.pk, error)
        text = _("Your card could not be checked right now. Nothing was charged. Please try again in a moment.")
        return JsonResponse({"error": text}, status=424)
    return JsonResponse({"card": card.pk, "label": str(card)})


def _add_card(profile: BillingProfile, token: str) -> Card:
    """The card of a token; of one used a moment ago (a double click), the card it became."""
    try:
        customer = gateway.retrieve_customer(profile.get_customer())
    except gateway.Missing:
        customer = profile.renew_customer()
    try:
        return Card.objects.add_new(profile, gateway.create_source(customer, token))
    except gateway.TokenUsed:
        card = Card.objects.usable(profile).first()
        if card is None:
            raise
        return card


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Stripe says that something happened; verify who speaks, then look ourselves. 503 makes Stripe repeat it."""
    length = request.headers.get("Content-Length") or "0"
    if not (length.isascii() and length.isdigit()):
        return HttpResponse(status=400)
    if len(length) > 9 or int(length) > MOST_BYTES:
        return HttpResponse(status=413)
    try:
        event = gateway.read_event(request.body, request.headers.get("Stripe-Signature", ""))
    except ValueError:
        return HttpResponse(status=400)
    if event.livemode != settings.STRIPE_SECRET_KEY.startswith(("sk_live", "rk_live")):
        return HttpResponse(status=400)
    row = StripeEvent.objects.receive(event)
    if row.processed:
        return HttpResponse()
    try:
        stripe_event.send(StripeEvent, intent_id=event.intent_id)
    except gateway.GatewayError as error:
        StripeEvent.objects.filter(pk=row.pk).update(error=str(error))
        return HttpResponse(status=503)
    StripeEvent.objects.filter(pk=row.pk).update(processed=timezone.now(), error="")
    return HttpResponse()
