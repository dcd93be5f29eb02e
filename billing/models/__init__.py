"""Billing profiles, cards on file, attempts to use cards, emails about cards, counters and events from Stripe."""

from billing.models.attempt import CardAttempt
from billing.models.card import Card
from billing.models.event import StripeEvent
from billing.models.mail import CardMail
from billing.models.profile import BillingProfile
from billing.models.rate import Rate, RateCounter

__all__ = ["BillingProfile", "Card", "CardAttempt", "CardMail", "Rate", "RateCounter", "StripeEvent"]
