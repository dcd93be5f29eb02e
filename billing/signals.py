"""Signal receivers that create billing profiles and Stripe customers, and the signal that the webhook sends."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db import connection, transaction
from django.db.models.signals import post_save, pre_save
from django.dispatch import Signal, receiver
from django.http import HttpRequest

from accounts.guest_session import guest_session_ended
from accounts.models import User
from billing.models import BillingProfile

# Sent by the webhook with `intent_id` and the `type` of the event. Receivers ask Stripe for the current state of this
# PaymentIntent.
stripe_event = Signal()


@receiver(post_save, sender=User, dispatch_uid="user_billing_profile")
def sync_billing_profile(
    sender: type[User], instance: User, created: bool, raw: bool, update_fields: Any = None, **kwargs: Any
) -> None:
    """Create a profile for a new user, and copy a changed email address to the profile of an existing user."""
    if raw:
        return
    if created:
        BillingProfile.objects.create_for(instance)
    elif update_fields is None or "email" in update_fields:
        outdated = BillingProfile.objects.filter(user=instance).exclude(email=instance.email)
        if outdated.update(email=instance.email):
            BillingProfile.objects.update_customer_after_commit(user=instance.pk)


@receiver(user_logged_in, dispatch_uid="session_billing_profile")
def store_profile_in_session(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    """Store the id of the user's profile in the session at sign-in."""
    if request is not None:
        request.user = user  # a request that did not pass the middleware has no user
        BillingProfile.objects.get_or_create_from_request(request)


@receiver(guest_session_ended, dispatch_uid="billing.forget_profile")
def forget_profile(request: HttpRequest, **kwargs: Any) -> None:
    BillingProfile.objects.forget(request)


@receiver(pre_save, sender=BillingProfile, dispatch_uid="profile_stripe_customer")
def create_stripe_customer(
    sender: type[BillingProfile], instance: BillingProfile, raw: bool = False, **kwargs: Any
) -> None:
    """Create the Stripe customer of a profile that has none.

    Create it immediately for a new profile outside a transaction, otherwise after the commit: no remote call is made
    inside a transaction.
    """
    if raw or instance.customer_id or not instance.email or instance.is_customer_tried:
        return
    if instance._state.adding and not connection.in_atomic_block:
        instance.try_customer()
    else:
        transaction.on_commit(lambda: _create_customer_later(instance))


@receiver(post_save, sender=BillingProfile, dispatch_uid="profile_customer_email")
def update_stripe_customer(
    sender: type[BillingProfile], instance: BillingProfile, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    """Let the Stripe customer of a saved profile get its email address."""
    if not raw and not created and instance.customer_id and instance.customer_email != instance.email:
        BillingProfile.objects.update_customer_after_commit(pk=instance.pk)


def _create_customer_later(profile: BillingProfile) -> None:
    profile.try_customer()
    BillingProfile.objects.filter(pk=profile.pk, customer_id="").update(
        customer_id=profile.customer_id, customer_email=profile.customer_email, rejected_email=profile.rejected_email
    )
