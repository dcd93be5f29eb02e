"""Attempts to add or to charge a card, counted against card testing."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from billing.models.card import Card
from billing.models.profile import BillingProfile
from core.database.prepared import update_row


def fingerprint(text: str) -> str:
    """Return a keyed hash of `text`, or an empty string if `text` is empty.

    Equal texts have equal hashes. Without SECRET_KEY, a text cannot be found by hashing candidates.
    """
    return salted_hmac("billing.CardAttempt", text, algorithm="sha256").hexdigest()[:40] if text else ""


class CardAttemptManager(models.Manager["CardAttempt"]):
    def recent(self) -> models.QuerySet["CardAttempt"]:
        """Return the attempts of the last hour, which count towards the limits."""
        return self.filter(timestamp__gt=timezone.now() - CardAttempt.COUNTED_FOR, is_unanswered=False)

    def for_source(self, billing_profile: BillingProfile, source: str) -> "CardAttempt | None":
        """Return the profile's attempt with this token or SetupIntent, or None.

        Prefer an attempt that created a card.
        """
        attempts = self.filter(billing_profile=billing_profile, source=fingerprint(source)).select_related("card")
        return attempts.order_by(models.F("card").desc(nulls_last=True)).first()

    def to_check(self) -> models.QuerySet["CardAttempt"]:
        """Return the attempts of which Stripe can have a card that the shop does not know.

        They are in progress, the response was lost, the process was killed, or the browser did not return with its
        SetupIntent.
        """
        return self.filter(is_check_due=True).select_related("billing_profile")

    def old(self) -> models.QuerySet["CardAttempt"]:
        """Return the attempts that limits and pages no longer need."""
        return self.filter(timestamp__lt=timezone.now() - CardAttempt.KEPT_FOR, is_check_due=False)


class CardAttempt(models.Model):
    """An attempt to add a card or to pay. The limits count these rows.

    The row is created before the call to Stripe, and `ok` is set after it. Until then it is null.
    The IP address, the session and the token are stored only as keyed hashes.
    """

    class Kind(models.TextChoices):
        ADD = "add", _("Card entered")
        PAY = "pay", _("Payment")

    COUNTED_FOR = timedelta(hours=1)
    KEPT_FOR = timedelta(days=1)

    kind = models.CharField(_("kind"), max_length=3, choices=Kind)
    billing_profile = models.ForeignKey(
        BillingProfile, models.CASCADE, related_name="card_attempts", verbose_name=_("billing profile")
    )
    address = models.CharField(_("IP address (hashed)"), max_length=40)
    session = models.CharField(_("session (hashed)"), max_length=40, blank=True)
    source = models.CharField(_("token or SetupIntent (hashed)"), max_length=40, blank=True)
    card = models.ForeignKey(
        Card, models.SET_NULL, null=True, blank=True, related_name="attempts", verbose_name=_("card")
    )
    ok = models.BooleanField(_("succeeded"), null=True, blank=True)
    is_unanswered = models.BooleanField(
        _("unanswered"), default=False, help_text=_("Stripe did not answer, so the attempt does not count.")
    )
    is_check_due = models.BooleanField(
        _("to be checked at Stripe"), default=False, help_text=_("Stripe may have a card that the shop does not know.")
    )
    is_without_order = models.BooleanField(
        _("without an order"), default=False, help_text=_("A guest entered the card before anything could be ordered.")
    )
    must_authenticate = models.BooleanField(
        _("bank must authenticate"), default=False,
        help_text=_("The limit for the whole shop was exceeded, so the payment asks for 3-D Secure."),
    )  # fmt: skip
    timestamp = models.DateTimeField(_("time"), auto_now_add=True)

    objects: ClassVar[CardAttemptManager] = CardAttemptManager()

    class Meta:
        verbose_name = _("card attempt")
        verbose_name_plural = _("card attempts")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["billing_profile", "timestamp"], name="attempt_of_profile"),
            models.Index(fields=["address", "timestamp"], name="attempt_of_address"),
            models.Index(fields=["session", "timestamp"], name="attempt_of_session"),
            models.Index(fields=["ok", "timestamp"], name="attempt_by_result"),
            models.Index(fields=["timestamp"], condition=models.Q(is_check_due=True), name="attempt_to_check"),
            models.Index(fields=["timestamp"], name="attempt_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    def record(self, ok: bool | None, **changes: Any) -> None:
        """Save the result. With ok=None (Stripe did not answer), the attempt does not count.

        It is deleted then, unless the shop has to check whether Stripe has stored its card.
        """
        if ok is None and self.is_check_due:
            CardAttempt.objects.filter(pk=self.pk).update(is_unanswered=True)
        elif ok is None:
            self.delete()
        else:
            update_row(CardAttempt, self.pk, ok=ok, **changes)
