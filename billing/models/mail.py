"""Email messages about cards: the link that confirms a guest's email address, and alerts for staff."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.profile import BillingProfile
from core.emails.outbox import OutboxMail, OutboxQuerySet


class CardMailQuerySet(OutboxQuerySet):
    def confirms(self, profile: BillingProfile) -> bool:
        """Return whether the guest of this profile followed a link that was sent to the profile's email address."""
        links = self.filter(kind=CardMail.Kind.LINK, billing_profile=profile, to=profile.email)
        return links.filter(used__gt=timezone.now() - CardMail.CONFIRMED_FOR).exists()

    def old(self) -> Any:
        """Return the messages that limits, links and payments no longer need, sent or not."""
        return self.filter(timestamp__lt=timezone.now() - CardMail.KEPT_FOR)


class CardMail(OutboxMail):
    """An email about cards. Its link is created when the email is sent and is never stored."""

    class Kind(models.TextChoices):
        LINK = "link", _("Continue with a card")
        ALERT = "alert", _("For staff: many declined cards")

    LINK_VALID_FOR = timedelta(hours=4)
    CONFIRMED_FOR = timedelta(days=1)
    KEPT_FOR = timedelta(days=2)  # longer than a link and its confirmation together

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    billing_profile = models.ForeignKey(
        BillingProfile, models.CASCADE, null=True, related_name="card_mails", verbose_name=_("billing profile")
    )
    order_number = models.CharField(_("order"), max_length=20, blank=True)
    # Two processes that notice the same cause send one alert.
    about = models.CharField(_("reference"), max_length=40, blank=True)
    language = models.CharField(_("language"), max_length=12, blank=True)
    used = models.DateTimeField(_("link used"), null=True, blank=True)

    objects: ClassVar[Any] = CardMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("email about cards")
        verbose_name_plural = _("emails about cards")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["about"], condition=Q(kind="alert"), name="card_mail_once_about_a_cause")
        ]
        indexes = [
            models.Index(fields=["timestamp"], name="card_mail_by_age"),
            models.Index(fields=["attempts"], condition=Q(sent=None, dropped=None), name="card_mail_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.to}"
