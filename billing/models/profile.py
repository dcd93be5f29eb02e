"""Billing profiles, which correspond to Stripe customers."""

from typing import ClassVar

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import guest_session
from accounts.email_addresses import canonical_email
from accounts.models import GuestEmail, User
from billing import gateway
from core.columns import Columns
from core.models import GuardedModel

PROFILE_KEY = "billing_profile_id"


class BillingProfileManager(models.Manager["BillingProfile"]):
    """Manager that finds the profile of a request: from its session, its signed-in user or its guest email."""

    def get_or_create_from_request(self, request: HttpRequest) -> tuple["BillingProfile | None", bool]:
        """Return the visitor's profile and whether it was created.

        Return (None, False) for a visitor who is neither signed in nor a guest.
        """
        profile = self.for_session(request)
        if isinstance(request.user, User):
            if profile and profile.user_id == request.user.pk:
                return profile, False
            profile, created = self._for_user(request.user, profile)
        elif profile and profile.user_id is None:
            return profile, False
        else:
            guest = GuestEmail.objects.from_request(request)
            if guest is None:
                return None, False
            profile, created = self.create(email=guest.email), True
        request.session[PROFILE_KEY] = profile.pk
        return profile, created

    def for_session(self, request: HttpRequest) -> "BillingProfile | None":
        """Return the active profile stored in the session, or None, regardless of who is signed in.

        A guest session that is over ends.
        """
        guest_session.end_if_over(request)
        pk = request.session.get(PROFILE_KEY)
        profile = self.filter(pk=pk, active=True).first() if pk else None
        is_over = profile and profile.is_guest and not guest_session.is_current(request, since=profile.updated)
        return None if is_over else profile

    def forget(self, request: HttpRequest) -> None:
        """Remove the profile from the session."""
        request.session.pop(PROFILE_KEY, None)

    def _for_user(self, user: User, session_profile: "BillingProfile | None") -> tuple["BillingProfile", bool]:
        own = self.filter(user=user).first()
        if own:
            return own, False
        if session_profile and self._is_same_person(session_profile, user) and self._adopt(session_profile, user):
            return self.get(user=user), False
        return self.create_for(user)

    def _is_same_person(self, guest: "BillingProfile", user: User) -> bool:
        """Return whether the guest entered the verified email address of this user.

        Otherwise, a person who logs in after a guest in the same browser would get the guest's orders and addresses.
        """
        same = canonical_email(guest.email) == canonical_email(user.email)
        return guest.is_guest and same and user.has_verified_email

    def _adopt(self, guest: "BillingProfile", user: User) -> bool:
        try:
            with transaction.atomic():
                return bool(self.filter(pk=guest.pk, user=None).update(user=user, email=user.email))
        except IntegrityError:  # another request has just created a profile for the user
            return False

    def create_for(self, user: User) -> tuple["BillingProfile", bool]:
        """Return the user's profile and whether it was created.

        If save_new_user assigned a guest profile to the user, that profile becomes the user's.
        """
        guest = getattr(user, "guest_profile", None)
        if guest and self._adopt(guest, user):
            return self.get(user=user), False
        return self.get_or_create(user=user, defaults={"email": user.email})

    def save_new_user(self, request: HttpRequest, user: User, takes_over: bool = True) -> None:
        """Save a new user, who takes over the guest profile of this session if there is one and `takes_over` is set."""
        profile = self.for_session(request)
        is_taken_over = takes_over and profile and profile.is_guest
        user.guest_profile = profile if is_taken_over else None  # type: ignore[attr-defined]
        user.save()

    def set_guest_email(self, request: HttpRequest, email: str, keep: "BillingProfile | None") -> "BillingProfile":
        """Set the email address of the session's guest and return the guest's profile.

        `keep` is a profile whose email address can still be changed. With None, create a new profile.
        """
        guest = GuestEmail.objects.create(email=email)
        GuestEmail.objects.remember(request, guest)
        if keep:
            keep.email = email
            keep.save()
            return keep
        profile = self.create(email=email)
        request.session[PROFILE_KEY] = profile.pk
        return profile

    def with_customer_to_delete(self) -> models.QuerySet["BillingProfile"]:
        """Return the erased profiles whose customer still has to be deleted at Stripe."""
        return self.filter(forgotten__isnull=False).exclude(customer_id="")


class BillingProfile(GuardedModel):
    """A payer: a user or the guest of one session. It corresponds to a customer at Stripe."""

    columns = Columns(conditional=("customer_id", "forgotten"))

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
        """Return the id of the Stripe customer. Create it if none is stored; raise GatewayError if that fails."""
        if not self.customer_id:
            self._store_customer(gateway.create_customer(self.email), old_id="")
        return self.customer_id

    def replace_customer(self) -> str:
        """Replace a customer that Stripe no longer has, and return the new id.

        Deactivate the cards of the old customer. Raise GatewayError if no customer can be created.
        """
        old_id = self.customer_id
        if self._store_customer(gateway.create_customer(self.email), old_id=old_id):
            self.cards.update(active=False, default=False)
        return self.customer_id

    def _store_customer(self, customer_id: str, old_id: str) -> bool:
        """Store the id and return True.

        If another process has already changed the stored id, load that id and return False.
        """
        stored = BillingProfile.objects.filter(pk=self.pk, customer_id=old_id).update(customer_id=customer_id)
        self.refresh_from_db(fields=["customer_id"])
        return bool(stored)
