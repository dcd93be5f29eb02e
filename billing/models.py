"""Who pays: billing profiles, their cards and their attempts; and what Stripe told us, event by event."""

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.models import GuestEmail, User
from billing import answers, gateway
from ecommerce.models import GuardedModel

PROFILE_KEY = "billing_profile_id"
# Stripe writes brands in two ways, "MasterCard" on a card and "mastercard" on a payment method.
BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
}


class BillingProfileManager(models.Manager["BillingProfile"]):
    """Finds the profile a request may use: the session's, the signed-in user's, or the session's guest's."""

    def get_or_create_from_request(self, request: HttpRequest) -> tuple["BillingProfile | None", bool]:
        """The visitor's profile and whether it was created; (None, False) for a stranger."""
        profile = self.of_session(request)
        if isinstance(request.user, User):
            if profile and profile.user_id == request.user.pk:
                return profile, False
            profile, created = self._of_user(request.user, profile)
        elif profile and profile.user_id is None:
            return profile, False
        else:
            guest = GuestEmail.objects.from_request(request)
            if guest is None:
                return None, False
            profile, created = self.create(email=guest.email), True
        request.session[PROFILE_KEY] = profile.pk
        return profile, created

    def of_session(self, request: HttpRequest) -> "BillingProfile | None":
        """The profile the session names, whoever is signed in."""
        pk = request.session.get(PROFILE_KEY)
        return self.filter(pk=pk, active=True).first() if pk else None

    def _of_user(self, user: User, of_session: "BillingProfile | None") -> tuple["BillingProfile", bool]:
        own = self.filter(user=user).first()
        if own:
            return own, False
        if of_session and of_session.is_guest and self._adopt(of_session, user):
            return self.get(user=user), False
        return self.create_for(user)

    def _adopt(self, guest: "BillingProfile", user: User) -> bool:
        try:
            with transaction.atomic():
                return bool(self.filter(pk=guest.pk, user=None).update(user=user, email=user.email))
        except IntegrityError:  # the user got a profile in another request a moment ago
            return False

    def create_for(self, user: User) -> tuple["BillingProfile", bool]:
        """The user's profile: the guest profile that save_new_user handed over, or a new one."""
        guest = getattr(user, "guest_profile", None)
        if guest and self._adopt(guest, user):
            return self.get(user=user), False
        return self.get_or_create(user=user, defaults={"email": user.email})

    def save_new_user(self, request: HttpRequest, user: User) -> None:
        """Save `user`, who takes over the guest profile of this session, if there is one."""
        profile = self.of_session(request)
        user.guest_profile = profile if profile and profile.is_guest else None  # type: ignore[attr-defined]
        user.save()

    def start_guest(self, request: HttpRequest, email: str, keep: "BillingProfile | None") -> "BillingProfile":
        """The session's guest has this e-mail now; `keep` is a profile whose e-mail may still change."""
        guest = GuestEmail.objects.create(email=email)
        GuestEmail.objects.remember(request, guest)
        if keep:
            keep.email = email
            keep.save()
            return keep
        profile = self.create(email=email)
        request.session[PROFILE_KEY] = profile.pk
        return profile

    def forgotten_here_alone(self) -> models.QuerySet["BillingProfile"]:
        """Those without a person any more, whose customer Stripe still has."""
        return self.filter(forgotten__isnull=False).exclude(customer_id="")


class BillingProfile(GuardedModel):
    """Somebody who pays: a user, or the guest of one session. At Stripe: a customer."""

    guarded_fields = frozenset({"customer_id", "forgotten"})

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="billing_profile",
        verbose_name=_("user"),
    )
    email = models.EmailField(_("email"))
    customer_id = models.CharField(_("Stripe customer"), max_length=120, blank=True)
    active = models.BooleanField(_("active"), default=True)
    forgotten = models.DateTimeField(
        _("erased"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the account was deleted. The row is kept for its orders."),
    )
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects: ClassVar[BillingProfileManager] = BillingProfileManager()

    class Meta:
        verbose_name = _("billing profile")
        verbose_name_plural = _("billing profiles")
        indexes = [
            models.Index(
                fields=["forgotten"],
                condition=Q(forgotten__isnull=False) & ~Q(customer_id=""),
                name="profile_forgotten_here_alone",
            )
        ]

    def __str__(self) -> str:
        return self.email or f"#{self.pk}"

    @property
    def is_guest(self) -> bool:
        return self.user_id is None

    def get_customer(self) -> str:
        """The Stripe customer's id, made now if none is stored yet; a GatewayError if that fails."""
        if not self.customer_id:
            self._store_customer(gateway.create_customer(self.email), instead_of="")
        return self.customer_id

    def renew_customer(self) -> str:
        """A new customer instead of one that Stripe does not have any more; its cards went with it."""
        lost = self.customer_id
        if self._store_customer(gateway.create_customer(self.email), instead_of=lost):
            self.cards.update(active=False, default=False)
        return self.customer_id

    def _store_customer(self, customer_id: str, instead_of: str) -> bool:
        """Store the id unless another process was first; then its customer is the one."""
        stored = BillingProfile.objects.filter(pk=self.pk, customer_id=instead_of).update(customer_id=customer_id)
        self.refresh_from_db(fields=["customer_id"])
        return bool(stored)


class CardManager(models.Manager["Card"]):
    def usable(self, billing_profile: BillingProfile) -> models.QuerySet["Card"]:
        """The profile's cards on file, the default one first."""
        return self.filter(billing_profile=billing_profile, active=True).order_by("-default", "-pk")

    def to_detach(self) -> models.QuerySet["Card"]:
        """Removed here, and perhaps still on file at Stripe."""
        return self.filter(is_detach_due=True)

    @transaction.atomic
    def make_default(self, card: "Card") -> None:
        """Offer this card first from now on; one that was removed meanwhile stays removed."""
        BillingProfile.objects.select_for_update().get(pk=card.billing_profile_id)
        if self.filter(pk=card.pk, active=True).exists():
            self.filter(billing_profile=card.billing_profile_id, default=True).update(default=False)
            self.filter(pk=card.pk).update(default=True)

    @transaction.atomic
    def remove(self, card: "Card") -> bool:
        """Take the card off the profile's file here; what is left at Stripe is owed. False if it was gone already."""
        BillingProfile.objects.select_for_update().get(pk=card.billing_profile_id)
        removed = self.filter(pk=card.pk, active=True).update(active=False, default=False, is_detach_due=True)
        left = self.filter(billing_profile=card.billing_profile_id, active=True).order_by("-default", "-pk").first()
        if removed and left and not left.default:
            self.filter(pk=left.pk).update(default=True)
        return bool(removed)

    def add_new(self, billing_profile: BillingProfile, stripe_card_response: dict[str, Any]) -> "Card":
        """Keep the card that Stripe attached to this profile's customer, as the default one.

        Takes Stripe's `card` or `payment_method`; a ValueError for anything else, or for another profile's card.
        """
        card = stripe_card_response
        details = card.get("card") if card.get("object") == "payment_method" else card
        if card.get("object") not in ("card", "payment_method") or not details or not card.get("id"):
            raise ValueError(f"Stripe answered with a {card.get('object')!r} instead of a card")
        values = {name: details.get(name) or "" for name in ("brand", "country", "last4")}
        values |= {name: details.get(name) for name in ("exp_month", "exp_year")}
        with transaction.atomic():
            BillingProfile.objects.select_for_update().get(pk=billing_profile.pk)  # two cards at once wait here
            self.filter(billing_profile=billing_profile, default=True).update(default=False)
            kept, created = self.get_or_create(
                stripe_id=card["id"], defaults={"billing_profile": billing_profile, "default": True, **values}
            )
            if kept.billing_profile_id != billing_profile.pk:
                raise ValueError("this card is another profile's")
            if not created:
                self.filter(pk=kept.pk).update(default=True, active=True, is_detach_due=False)
        return kept


class Card(models.Model):
    """A card on file at Stripe; never a number, only what a shopper knows it by."""

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
        """Whether its last month is over."""
        today = timezone.localdate()
        return (self.exp_year, self.exp_month) < (today.year, today.month)


def fingerprint(text: str) -> str:
    """A keyed hash: equal for equal texts, and without SECRET_KEY nobody can try out which text it was."""
    return salted_hmac("billing.CardAttempt", text, algorithm="sha256").hexdigest()[:40] if text else ""


class CardAttemptManager(models.Manager["CardAttempt"]):
    def recent(self) -> models.QuerySet["CardAttempt"]:
        """Those of the last hour, which are the ones that limits count."""
        return self.filter(timestamp__gt=timezone.now() - CardAttempt.COUNTED)

    def of_source(self, billing_profile: BillingProfile, source: str) -> "CardAttempt | None":
        """The profile's attempt with this token or SetupIntent, one that became a card rather than one that did not."""
        found = self.filter(billing_profile=billing_profile, source=fingerprint(source)).select_related("card")
        return found.order_by(models.F("card").desc(nulls_last=True)).first()

    def forget_old(self) -> int:
        """Delete what no limit counts and no page asks for any more; how many."""
        return self.filter(timestamp__lt=timezone.now() - CardAttempt.KEPT).delete()[0]


class CardAttempt(models.Model):
    """Somebody tries to add a card or to pay: written before Stripe is asked, `ok` noted after. Limits count these.

    Who it was is kept as keyed hashes alone; `ok` is empty while nobody knows.
    """

    class Kind(models.TextChoices):
        ADD = "add", _("Card entered")
        PAY = "pay", _("Payment")

    COUNTED = timedelta(hours=1)
    KEPT = timedelta(days=1)

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
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    def note(self, ok: bool | None, **changes: Any) -> None:
        """How it ended; with None nobody can say (Stripe gave no answer), and then it counts against nobody."""
        if ok is None:
            self.delete()
        else:
            CardAttempt.objects.filter(pk=self.pk).update(ok=ok, **changes)


class StripeEventManager(models.Manager["StripeEvent"]):
    def receive(self, event: answers.Event) -> "StripeEvent":
        """The row of this event, new or from an earlier delivery."""
        defaults = {"type": event.type[:120], "object_id": event.intent_id[:120]}
        return self.get_or_create(stripe_id=event.id, defaults=defaults)[0]


class StripeEvent(models.Model):
    """An event Stripe delivered; it changes nothing by itself, it only makes us look."""

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

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"
