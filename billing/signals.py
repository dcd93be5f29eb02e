"""A user gets a billing profile, a profile a Stripe customer; a webhook tells whoever listens."""

import logging
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db import connection, transaction
from django.db.models.signals import post_save, pre_save
from django.dispatch import Signal, receiver

from accounts.models import User
from billing import answers, gateway
from billing.models import BillingProfile

logger = logging.getLogger(__name__)

# Sent by the webhook with `intent_id`: something happened to this PaymentIntent at Stripe, go and look.
stripe_event = Signal()


@receiver(post_save, sender=User, dispatch_uid="user_billing_profile")
def make_billing_profile(
    sender: type[User], instance: User, created: bool, raw: bool, update_fields: Any = None, **kwargs: Any
) -> None:
    """Every new user has a profile; a new e-mail of an old one reaches it."""
    if raw:
        return
    if created:
        BillingProfile.objects.create_for(instance)
    elif update_fields is None or "email" in update_fields:
        BillingProfile.objects.filter(user=instance).exclude(email=instance.email).update(email=instance.email)


@receiver(user_logged_in, dispatch_uid="session_billing_profile")
def remember_billing_profile(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    """The profile's id is in the session from the first moment."""
    if request is not None:
        request.user = user  # a request that never met the middleware has none
        BillingProfile.objects.get_or_create_from_request(request)


@receiver(pre_save, sender=BillingProfile, dispatch_uid="profile_stripe_customer")
def make_stripe_customer(
    sender: type[BillingProfile], instance: BillingProfile, raw: bool = False, **kwargs: Any
) -> None:
    """A profile without a customer gets one: at once, or after the commit (never a remote call in a transaction)."""
    if raw or instance.customer_id or not instance.email:
        return
    if instance._state.adding and not connection.in_atomic_block:
        instance.customer_id = _make(instance.email)
    else:
        transaction.on_commit(lambda: _make_later(instance))


def _make(email: str) -> str:
    """A customer's id; empty if Stripe cannot be asked now, for it is made when first needed."""
    try:
        return gateway.create_customer(email)
    except answers.GatewayError as error:
        logger.warning("Stripe customer not created yet: %s", error)
        return ""


def _make_later(profile: BillingProfile) -> None:
    if customer_id := _make(profile.email):
        BillingProfile.objects.filter(pk=profile.pk, customer_id="").update(customer_id=customer_id)
