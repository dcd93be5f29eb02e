"""Events that Stripe delivered to the webhook."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing import answers


class StripeEventManager(models.Manager["StripeEvent"]):
    def receive(self, event: answers.Event) -> "StripeEvent":
        """Return the row of this event. The first delivery creates it."""
        defaults = {"type": event.type[:120], "object_id": event.intent_id[:120]}
        return self.get_or_create(stripe_id=event.id, defaults=defaults)[0]


class StripeEvent(models.Model):
    """An event that Stripe delivered. Its content is not trusted; it only causes the shop to ask Stripe."""

    stripe_id = models.CharField(_("Stripe event"), max_length=120, unique=True)
    type = models.CharField(_("type"), max_length=120)
    object_id = models.CharField(_("payment intent"), max_length=120, blank=True, db_index=True)
    received = models.DateTimeField(_("received"), auto_now_add=True)
    processed = models.DateTimeField(_("processed"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    objects: ClassVar[StripeEventManager] = StripeEventManager()

    class Meta:
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["processed"], name="stripe_event_by_age")]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"
