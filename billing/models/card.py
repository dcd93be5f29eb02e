"""Cards on file."""

from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.profile import BillingProfile

# Stripe spells brands in two ways: "MasterCard" on a card and "mastercard" on a payment method.
BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
}


class CardManager(models.Manager["Card"]):
    def usable(self, billing_profile: BillingProfile) -> models.QuerySet["Card"]:
        """Return the profile's saved cards, the default card first."""
        return self.filter(billing_profile=billing_profile, active=True).order_by("-default", "-pk")

    def to_detach(self) -> models.QuerySet["Card"]:
        """Return the removed cards that still have to be detached at Stripe."""
        return self.filter(is_detach_due=True)

    @transaction.atomic
    def make_default(self, card: "Card") -> None:
        """Make this the default card. Do nothing if it has been removed."""
        BillingProfile.objects.select_for_update().get(pk=card.billing_profile_id)
        if self.filter(pk=card.pk, active=True).exists():
            self.filter(billing_profile=card.billing_profile_id, default=True).update(default=False)
            self.filter(pk=card.pk).update(default=True)

    @transaction.atomic
    def remove(self, card: "Card") -> bool:
        """Deactivate the card and mark it to be detached at Stripe. Return False if it was already removed.

        If no default card is left, the newest card becomes the default.
        """
        BillingProfile.objects.select_for_update().get(pk=card.billing_profile_id)
        removed = self.filter(pk=card.pk, active=True).update(active=False, default=False, is_detach_due=True)
        first = self.filter(billing_profile=card.billing_profile_id, active=True).order_by("-default", "-pk").first()
        if removed and first and not first.default:
            self.filter(pk=first.pk).update(default=True)
        return bool(removed)

    def add_new(self, billing_profile: BillingProfile, stripe_card_response: dict[str, Any]) -> "Card":
        """Save the card that Stripe attached to this profile's customer, and make it the default card.

        `stripe_card_response` is Stripe's `card` or `payment_method` object. Raise ValueError for any other object and
        for a card of another profile.
        """
        card = stripe_card_response
        details = card.get("card") if card.get("object") == "payment_method" else card
        if card.get("object") not in ("card", "payment_method") or not details or not card.get("id"):
            raise ValueError(f"Stripe returned a {card.get('object')!r} instead of a card")
        values = {name: details.get(name) or "" for name in ("brand", "country", "last4")}
        values |= {name: details.get(name) for name in ("exp_month", "exp_year")}
        with transaction.atomic():
            BillingProfile.objects.select_for_update().get(pk=billing_profile.pk)  # serialize concurrent calls
            self.filter(billing_profile=billing_profile, default=True).update(default=False)
            saved, created = self.get_or_create(
                stripe_id=card["id"], defaults={"billing_profile": billing_profile, "default": True, **values}
            )
            if saved.billing_profile_id != billing_profile.pk:
                raise ValueError("this card belongs to another profile")
            if not created:
                self.filter(pk=saved.pk).update(default=True, active=True, is_detach_due=False)
        return saved


class Card(models.Model):
    """A card saved at Stripe. Only the details by which a shopper recognizes it are stored, never the number."""

    billing_profile = models.ForeignKey(
        BillingProfile, models.CASCADE, related_name="cards", verbose_name=_("billing profile")
    )
    stripe_id = models.CharField(_("Stripe card"), max_length=120, unique=True)
    brand = models.CharField(_("brand"), max_length=40, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    last4 = models.CharField(_("last four digits"), max_length=4)
    exp_month = models.PositiveSmallIntegerField(_("expiry month"))
    exp_year = models.PositiveSmallIntegerField(_("expiry year"))
    default = models.BooleanField(_("default"), default=True)
    active = models.BooleanField(_("active"), default=True)
    is_detach_due = models.BooleanField(
        _("to be removed at Stripe"), default=False, editable=False, help_text=_("Removed here; Stripe still has it.")
    )
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar[CardManager] = CardManager()

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")
        constraints = [
            models.UniqueConstraint(fields=["billing_profile"], condition=Q(default=True), name="card_one_default")
        ]
        indexes = [
            models.Index(fields=["is_detach_due"], condition=Q(is_detach_due=True), name="card_to_detach"),
        ]

    def __str__(self) -> str:
        brand = BRANDS.get(self.brand.lower()) or self.brand.replace("_", " ").title() or _("Card")
        return f"{brand} •••• {self.last4}"

    @property
    def expiry(self) -> str:
        return f"{self.exp_month:02d}/{self.exp_year % 100:02d}"

    @property
    def is_expired(self) -> bool:
        """Whether the expiry month is over."""
        today = timezone.localdate()
        return (self.exp_year, self.exp_month) < (today.year, today.month)
