"""Models for the history of an order: its events and its email messages."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.emails.outbox import OutboxMail

MAX_TEXT = 250  # characters of the text of an event


class OrderEvent(models.Model):
    """An entry in the append-only history of an order."""

    class Kind(models.TextChoices):
        PLACED = "placed", _("Order placed")
        PAYING = "paying", _("Payment started")
        NEEDS_ACTION = "needs_action", _("Your bank asked you to confirm")
        DECLINED = "declined", _("Payment failed")
        PAID = "paid", _("Paid")
        CANCELING = "canceling", _("Cancellation requested")
        CANCELED = "canceled", _("Order cancelled")
        PART_SHIPPED = "part_shipped", _("Part of the order shipped")
        SHIPPED = "shipped", _("Order shipped")
        UNSHIPPED = "unshipped", _("Items are left to ship again")
        DELIVERED = "delivered", _("Delivered")
        MAILED = "mailed", _("Confirmation sent by email")
        WITHDRAWN = "withdrawn", _("Withdrawal received")
        REFUNDING = "refunding", _("Refund requested")
        REFUNDED = "refunded", _("Refunded")
        REFUND_FAILED = "refund_failed", _("The refund failed; our staff are looking into it")
        RESTOCKED = "restocked", _("Units returned to stock")
        MISMATCH = "mismatch", _("We received a payment that does not match this order and are refunding it")
        INQUIRY = "inquiry", _("The bank asked about the payment")
        DISPUTED = "disputed", _("The payment was disputed with the bank")
        DISPUTE_UPDATED = "dispute_updated", _("The bank's case about the payment was updated")
        DISPUTE_CLOSED = "dispute_closed", _("The bank's case about the payment was closed")
        ALERTED = "told_staff", _("Our staff were asked to check this order")
        ACKNOWLEDGED = "looked_at", _("Our staff checked this order")
        CORRECTED = "corrected", _("Our staff corrected this order")
        MAILED_AGAIN = "mailed_again", _("An email was sent again")
        LINKS_REVOKED = "links_revoked", _("Links in earlier emails no longer open this order")
        ERASED = "forgotten", _("Name, email and address were removed")

    TEXT_SHOWN_TO_SHOPPERS = (
        Kind.PAYING, Kind.DECLINED, Kind.CANCELED, Kind.PART_SHIPPED, Kind.SHIPPED, Kind.DELIVERED, Kind.WITHDRAWN,
        Kind.REFUNDING, Kind.REFUNDED, Kind.CORRECTED, Kind.MAILED_AGAIN,
    )  # fmt: skip

    WITH_TRACKING = (Kind.PART_SHIPPED, Kind.SHIPPED, Kind.DELIVERED)

    # What happened to the order and its money, and stays visible. Each kind is in exactly one of these two groups.
    MILESTONES = (
        Kind.PLACED, Kind.PAID, Kind.CANCELED, Kind.PART_SHIPPED, Kind.SHIPPED, Kind.UNSHIPPED, Kind.DELIVERED,
        Kind.WITHDRAWN, Kind.REFUNDED, Kind.REFUND_FAILED, Kind.MISMATCH, Kind.DISPUTED, Kind.DISPUTE_CLOSED,
        Kind.CORRECTED, Kind.ERASED,
    )  # fmt: skip
    # The steps in between. The order's page folds them as soon as the order is paid or canceled.
    STEPS = (
        Kind.PAYING, Kind.NEEDS_ACTION, Kind.DECLINED, Kind.CANCELING, Kind.MAILED, Kind.REFUNDING, Kind.ALERTED,
        Kind.ACKNOWLEDGED, Kind.MAILED_AGAIN, Kind.LINKS_REVOKED, Kind.INQUIRY, Kind.DISPUTE_UPDATED, Kind.RESTOCKED,
    )  # fmt: skip

    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="events", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    text = models.CharField(_("text"), max_length=MAX_TEXT, blank=True)
    translations = models.JSONField(
        _("text in other languages"), default=dict, db_default={}, blank=True, help_text=_("By the language code.")
    )
    by = models.CharField(_("by"), max_length=254, blank=True)
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("order event")
        verbose_name_plural = _("order events")
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.get_kind_display())

    @property
    def is_milestone(self) -> bool:
        return self.kind in self.MILESTONES

    @property
    def translated_text(self) -> str:
        """The text in the current language, or as it is stored if it is the same in all or was stored only once."""
        return str(self.translations.get(translation.get_language() or "", self.text))

    @property
    def display_text(self) -> str:
        """The event as the shopper sees it. The texts of other kinds are only for staff."""
        label, text = str(self.get_kind_display()), self.translated_text
        return f"{label}: {text}" if text and self.kind in self.TEXT_SHOWN_TO_SHOPPERS else label


def event_texts(text: object, language: str) -> dict[str, Any]:
    """Return the columns of an event with this text: in `language`, and in the shop's other languages if they differ.

    A `str` is the same in all languages. Anything else, such as a lazy text or a refund, is translated here, because
    staff and the shopper can have different languages.
    """
    if type(text) is str:
        return {"text": text[:MAX_TEXT]}
    texts = {}
    for code in {language, *dict(settings.LANGUAGES)}:
        with translation.override(code):
            texts[code] = str(text)[:MAX_TEXT]
    stored = texts.pop(language)
    return {"text": stored, "translations": {code: other for code, other in texts.items() if other != stored}}


def split_history(events: list[OrderEvent], is_unpaid: bool) -> tuple[list[OrderEvent], list[OrderEvent]]:
    """Return the events of an order to show, and the events to fold below them: the whole history, or none.

    While the order is unpaid, all events are shown. Afterwards only the milestones are.
    """
    milestones = [event for event in events if event.is_milestone]
    return (events, []) if is_unpaid or len(milestones) == len(events) else (milestones, events)


class Mail(OutboxMail):
    """An email message about an order. The row is stored before it is sent, so that a crash loses nothing."""

    class Kind(models.TextChoices):
        CONFIRMATION = "confirmation", _("Order confirmed")
        SHIPPED = "shipped", _("Order shipped")
        REFUNDED = "refunded", _("Order refunded")
        CANCELED = "canceled", _("Order cancelled")
        NEW_ORDER = "new_order", _("For staff: new order")
        LOW_STOCK = "low_stock", _("For staff: low stock")
        ATTENTION = "attention", _("For staff: order needs attention")

    FOR_STAFF = (Kind.NEW_ORDER, Kind.LOW_STOCK, Kind.ATTENTION)

    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="mails", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    about = models.CharField(
        _("reference"), max_length=40, blank=True, help_text=_("Distinguishes emails of the same kind.")
    )
    message_id = models.CharField(_("Message-ID"), max_length=400)
    copy = models.PositiveSmallIntegerField(
        _("copy"), default=0, db_default=0, help_text=_("0 is the first one; others were sent again.")
    )

    class Meta:
        verbose_name = _("email message")
        verbose_name_plural = _("email messages")
        indexes = [
            models.Index(fields=["attempts"], condition=Q(sent=None, dropped=None), name="mail_waiting"),
            models.Index(fields=["dropped"], condition=~Q(refusal=""), name="mail_refused"),
            models.Index(fields=["timestamp"], name="mail_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["order", "kind", "about", "copy"], name="mail_once_about_an_order"),
            models.UniqueConstraint(fields=["about"], condition=Q(kind="low_stock"), name="mail_once_about_a_shelf"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.to}"

    @property
    def is_for_staff(self) -> bool:
        return self.kind in self.FOR_STAFF
