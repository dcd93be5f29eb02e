"""Cards on file."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import card_queries
from billing.models.profile import BillingProfile
from core.columns import Columns
from core.models import GuardedModel

# Stripe spells brands in two ways: "MasterCard" on a card and "mastercard" on a payment method.
BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
}


def _dropped() -> dict[str, Any]:
    return {"active": False, "default": False, "is_detach_due": True, "removed_at": timezone.now()}


class CardManager(models.Manager["Card"]):
    def usable(self, billing_profile: BillingProfile, order_number: str = "") -> models.QuerySet["Card"]:
        """Return the cards that can pay the profile's order with this number, the default card first.

        These are the saved cards, and the other cards that belong to this order or to no order yet.
        """
        of_order = Q(order_number="") | Q(order_number=order_number)
        cards = self.filter(Q(is_saved=True) | of_order, billing_profile=billing_profile, active=True)
        return cards.order_by("-default", "-pk")

    def saved(self, billing_profile: BillingProfile) -> models.QuerySet["Card"]:
        """Return the cards that the shopper chose to keep, the default card first."""
        return self.filter(billing_profile=billing_profile, active=True, is_saved=True).order_by("-default", "-pk")

    def unsaved(self) -> models.QuerySet["Card"]:
        """Return the cards that are used for one order only and are not removed yet."""
        return self.filter(active=True, is_saved=False)

    def to_detach(self) -> models.QuerySet["Card"]:
        """Return the removed cards that still have to be detached at Stripe."""
        return self.filter(is_detach_due=True)

    def drop(self, cards: models.QuerySet["Card"]) -> int:
        """Deactivate these cards and mark them to be detached at Stripe. Return how many were still active."""
        with transaction.atomic(savepoint=False):
            pks = self._locked(cards.filter(active=True))
            return self.filter(pk__in=pks).update(**_dropped()) if pks else 0

    def drop_of_order(self, billing_profile: int, order_number: str) -> None:
        """Drop the unsaved cards of this order of the profile, in one statement. Call this in a transaction."""
        card_queries.DROP_OF_ORDER.run(_dropped(), billing_profile=billing_profile, order_number=order_number)

    def _locked(self, cards: models.QuerySet["Card"]) -> list[int]:
        """Lock these cards in the order of their primary keys, to avoid deadlocks, and return the keys."""
        return list(cards.order_by("pk").select_for_update().values_list("pk", flat=True))

    def drop_unsaved(self, profiles: Iterable[BillingProfile], needed_by: Any = ()) -> int:
        """Drop the unsaved cards of these profiles, except those of the orders with the numbers `needed_by`.

        `needed_by` contains order numbers, or is a queryset of them.
        """
        return self.drop(self.unsaved().filter(billing_profile__in=profiles).exclude(order_number__in=needed_by))

    def bind(self, card: "Card", order_number: str) -> bool:
        """Reserve an unsaved card for one order. Return False if it is removed or belongs to another order.

        A guest's other cards without an order become cards of this order too, so that the next person who uses the
        browser does not find them.
        """
        profile = card.billing_profile_id
        rows = card_queries.ACTIVE.rows(billing_profile=profile)
        # An update instead of a read: it locks the row against a removal until the attempt is stored.
        if not card_queries.BIND.run(card=card.pk, billing_profile=profile, order_number=order_number):
            return False
        others = [pk for pk, is_saved, number in rows if pk != card.pk and not is_saved and not number]
        if others and card.billing_profile.is_guest:
            self.filter(pk__in=others).update(order_number=order_number)
        return True

    @transaction.atomic
    def save_paid(self, billing_profile: BillingProfile, stripe_id: str) -> None:
        """Save the card that has just paid if its shopper asked for it, as the default if no other card is."""
        asked = self.unsaved().filter(billing_profile=billing_profile, stripe_id=stripe_id, is_save_requested=True)
        if not asked.exists():
            return
        BillingProfile.objects.select_for_update().get(pk=billing_profile.pk)
        has_default = self.filter(billing_profile=billing_profile, default=True).exists()
        asked.update(is_saved=True, order_number="", default=not has_default)

    @transaction.atomic
    def make_default(self, card: "Card") -> None:
        """Make this the default card. Do nothing if it has been removed or is not saved."""
        BillingProfile.objects.select_for_update().get(pk=card.billing_profile_id)
        if self.filter(pk=card.pk, active=True, is_saved=True).exists():
            self._set_default(card)

    def _set_default(self, card: "Card") -> None:
        self.filter(billing_profile=card.billing_profile_id, default=True).update(default=False)
        self.filter(pk=card.pk).update(default=True)

    @transaction.atomic
    def remove(self, card: "Card", is_detach_due: bool = True) -> bool:
        """Deactivate the card and mark it to be detached at Stripe. Return False if it was already removed.

        If no default card is left, the newest saved card becomes the default. Pass `is_detach_due=False` for a card
        that Stripe no longer has.
        """
        BillingProfile.objects.select_for_update().get(pk=card.billing_profile_id)
        removed = self.drop(self.filter(pk=card.pk))
        if removed and not is_detach_due:
            self.filter(pk=card.pk).update(is_detach_due=False)
        first = self.saved(card.billing_profile).first()
        if removed and first and not first.default:
            self.filter(pk=first.pk).update(default=True)
        return bool(removed)

    @transaction.atomic
    def add_new(
        self,
        billing_profile: BillingProfile,
        stripe_card_response: dict[str, Any],
        is_save_chosen: bool | None = None,
        order_number: str = "",
    ) -> "Card":
        """Store the card that Stripe attached to this profile's customer and return its row.

        `stripe_card_response` is Stripe's `card` or `payment_method` object. Raise ValueError for any other object and
        for a card of another profile.

        A guest's card is never saved. A member's card is saved immediately if `is_save_chosen` is None, and after
        it has paid if it is True. A card that the profile has already stays one row: see `_merge`.
        """
        values = _read_card(stripe_card_response)
        stripe_id = stripe_card_response["id"]
        card_queries.LOCKED_PROFILE.get(billing_profile=billing_profile.pk)  # serialize concurrent calls
        is_saved = is_save_chosen is None and not billing_profile.is_guest
        use = {
            "is_saved": is_saved,
            "is_save_requested": bool(is_save_chosen) and not billing_profile.is_guest,
            "order_number": "" if is_saved else order_number,
        }
        fingerprint = values["fingerprint"]
        rows = card_queries.SAME_CARDS.rows(
            billing_profile=billing_profile.pk, stripe_id=stripe_id, fingerprint=fingerprint
        )
        known = next((row for row in rows if row.stripe_id == stripe_id), None)
        if known and known.billing_profile_id != billing_profile.pk:
            raise ValueError("this card belongs to another profile")
        new = known or self.model(billing_profile=billing_profile, stripe_id=stripe_id, active=False, **values)
        twins = (row for row in rows if row != new and row.fingerprint == new.fingerprint)
        card = self._merge(new, next(twins, None), use)
        if is_saved:
            self._set_default(card)
            card.default = True
        return card

    def find_same(self, billing_profile: BillingProfile, stripe_card_response: dict[str, Any]) -> "Card | None":
        """Return the profile's active card with the number and the expiry date of a card of Stripe, or None."""
        values = _read_card(stripe_card_response)
        if not values["fingerprint"]:
            return None
        stripe_id, fingerprint = stripe_card_response["id"], values["fingerprint"]
        same = card_queries.SAME_NUMBER.rows(
            billing_profile=billing_profile.pk, stripe_id=stripe_id, fingerprint=fingerprint
        )
        expiry = (values["exp_month"], values["exp_year"])
        return next((card for card in same if (card.exp_month, card.exp_year) == expiry), None)

    def _merge(self, new: "Card", old: "Card | None", use: dict[str, Any]) -> "Card":
        """Store `new` as a usable card, or as a duplicate of the profile's card `old`. Return the card to use.

        The same card with the same expiry date stays the stored row, which payments can refer to, and the duplicate is
        detached at Stripe. With another expiry date, the new row replaces the stored one. A saved card stays saved.
        """
        use = use | {"entered_at": timezone.now()}
        stored = old or new
        if stored.active and stored.is_saved:
            use |= {"is_saved": True, "order_number": ""}
        if old and (old.exp_month, old.exp_year) == (new.exp_month, new.exp_year):
            if new._state.adding:
                new.is_detach_due, new.removed_at = True, timezone.now()
                new.save()
            return self._store(old, use)
        if old:
            use["default"] = old.default
            self.drop(self.filter(pk=old.pk))
        return self._store(new, use | {"active": True, "is_detach_due": False, "removed_at": None})

    def _store(self, card: "Card", values: dict[str, Any]) -> "Card":
        """Set these columns of the card, which is inserted if it has no row yet, and return it."""
        for name, value in values.items():
            setattr(card, name, value)
        if card._state.adding:
            card.save()
        else:
            self.filter(pk=card.pk).update(**values)
        return card


def _read_card(card: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a card from Stripe's `card` or `payment_method` object. Raise ValueError for another one.

    The fingerprint of a wallet is left out, because it belongs to a device and not to the card.
    """
    details = card.get("card") if card.get("object") == "payment_method" else card
    if card.get("object") not in ("card", "payment_method") or not details or not card.get("id"):
        raise ValueError(f"Stripe returned a {card.get('object')!r} instead of a card")
    is_wallet = details.get("tokenization_method") or details.get("wallet")
    values = {name: details.get(name) or "" for name in ("brand", "country", "last4")}
    values["fingerprint"] = "" if is_wallet else str(details.get("fingerprint") or "")[:64]
    return values | {name: details.get(name) for name in ("exp_month", "exp_year")}


class Card(GuardedModel):
    """A card at Stripe. Only the details by which a shopper recognizes it are stored, never the number.

    A card that is not saved belongs to one order. It is detached at Stripe when that order is paid or ends, or
    UNSAVED_FOR after it was entered without an order.
    """

    UNSAVED_FOR = timedelta(hours=1)
    columns = Columns(
        frozen=(
            "billing_profile", "stripe_id", "brand", "country", "last4", "exp_month", "exp_year", "fingerprint",
            "timestamp",
        ),
        conditional=(
            "default", "active", "is_saved", "is_save_requested", "order_number", "is_detach_due", "entered_at",
            "removed_at",
        ),
        personal=("brand", "country", "last4"),
        not_personal=("stripe_id", "fingerprint", "order_number"),
        internal=("billing_profile", "stripe_id", "fingerprint", "is_detach_due"),
    )  # fmt: skip

    billing_profile = models.ForeignKey(
        BillingProfile, models.CASCADE, related_name="cards", verbose_name=_("billing profile")
    )
    stripe_id = models.CharField(_("Stripe card"), max_length=120, unique=True)
    fingerprint = models.CharField(
        _("fingerprint"), max_length=64, blank=True, editable=False, help_text=_("The same for the same card number.")
    )
    brand = models.CharField(_("brand"), max_length=40, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    last4 = models.CharField(_("last four digits"), max_length=4)
    exp_month = models.PositiveSmallIntegerField(_("expiry month"))
    exp_year = models.PositiveSmallIntegerField(_("expiry year"))
    default = models.BooleanField(_("default"), default=False)
    active = models.BooleanField(_("active"), default=True)
    is_saved = models.BooleanField(_("saved"), default=False, help_text=_("The shopper chose to keep it for later."))
    is_save_requested = models.BooleanField(
        _("to be saved"), default=False, help_text=_("It is saved as soon as it has paid an order.")
    )
    order_number = models.CharField(
        _("order"), max_length=20, blank=True, help_text=_("The only order that a card can pay which is not saved.")
    )
    is_detach_due = models.BooleanField(
        _("to be removed at Stripe"), default=False, editable=False, help_text=_("Removed here; Stripe still has it.")
    )
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    entered_at = models.DateTimeField(_("last entered"), default=timezone.now, editable=False)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True, editable=False)

    objects: ClassVar[CardManager] = CardManager()

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")
        constraints = [
            models.UniqueConstraint(fields=["billing_profile"], condition=Q(default=True), name="card_one_default"),
            models.UniqueConstraint(
                fields=["billing_profile", "fingerprint"],
                condition=Q(active=True) & ~Q(fingerprint=""),
                name="card_stored_once",
            ),
            models.CheckConstraint(condition=Q(default=False) | Q(is_saved=True), name="card_default_is_saved"),
        ]
        indexes = [
            models.Index(fields=["is_detach_due"], condition=Q(is_detach_due=True), name="card_to_detach"),
            models.Index(fields=["entered_at"], condition=Q(active=True, is_saved=False), name="card_unsaved"),
            models.Index(fields=["last4"], name="card_last_digits"),
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
