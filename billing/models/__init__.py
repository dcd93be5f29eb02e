"""Billing profiles, cards on file, attempts to use cards, and events from Stripe."""

from billing.models.attempt import CardAttempt
from billing.models.card import Card
from billing.models.event import StripeEvent
from billing.models.profile import BillingProfile

__all__ = ["BillingProfile", "Card", "CardAttempt", "StripeEvent"]
