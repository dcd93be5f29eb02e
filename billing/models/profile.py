"""Billing profiles, which correspond to Stripe customers."""

import logging
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tasks import task

from accounts import guest_session
from accounts.email_addresses import canonical_email
from accounts.models import GuestEmail, User
from billing import answers, gateway
from billing.stripe_calls import time_limits
from core.background.tasks import start
from core.columns import Columns
from core.database.prepared import PreparedQuery, insert_row
from core.models import GuardedModel

PROFILE_KEY = "billing_profile_id"
logger = logging.getLogger(__name__)


ACTIVE = PreparedQuery(lambda pk: BillingProfile.objects.filter(pk=pk, active=True), pk=int)


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
            profile, created = self.create(email=guest.email, guest_email=guest), True
        request.session[PROFILE_KEY] = profile.pk
        return profile, created

    def for_session(self, request: HttpRequest) -> "BillingProfile | None":
        """Return the active profile in the session, of a guest or a member, or None. A guest session can end here."""
        guest_session.end_if_over(request)
        pk, known = request.session.get(PROFILE_KEY), getattr(request, "known_profile", None)
        found = known if known and known.pk == pk and known.active else None
        profile = found or (ACTIVE.first(pk=pk) if pk else None)
        is_over = profile and profile.is_guest and not guest_session.is_current(request, since=profile.updated)
        return None if is_over else profile

    def of_guest(self, request: HttpRequest) -> models.QuerySet["BillingProfile"]:
        """Return a query for the active profile of this session's guest. A guest session that is over ends."""
        pk = self.stored_id(request)
        return self.filter(pk=pk, active=True, user=None) if pk else self.none()

    def stored_id(self, request: HttpRequest) -> int | None:
        """Return the primary key of the profile in the session, or None. A guest session that is over ends.

        The profile itself is read only if its time is needed to date the guest session.
        """
        guest_session.end_if_over(request)
        if not guest_session.is_dated(request):
            self.for_session(request)
        return request.session.get(PROFILE_KEY)

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
                adopted = self.filter(pk=guest.pk, user=None).update(user=user, email=user.email)
        except IntegrityError:  # another request has just created a profile for the user
            return False
        self.update_customer_after_commit(pk=guest.pk)
        return bool(adopted)

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

    def new_guest(self, email: str) -> "BillingProfile":
        """Return the unsaved profile of a new guest. Outside a transaction, create its Stripe customer."""
        profile = self.model(email=email)
        if not connection.in_atomic_block:
            profile.try_customer()
        return profile

    def set_guest_email(self, request: HttpRequest, profile: "BillingProfile", email: str) -> None:
        """Save this profile as that of the session's guest, with this email address.

        The profile is a new one, or one whose email address can still be changed.
        """
        insert_row(guest := GuestEmail(email=email))
        GuestEmail.objects.remember(request, guest)
        replaced, profile.email, profile.guest_email = profile.guest_email_id, email, guest
        profile.save()
        if replaced:
            GuestEmail.objects.filter(pk=replaced, billing_profiles=None).delete()
        request.session[PROFILE_KEY] = profile.pk

    def record_return(self, request: HttpRequest, guest: "BillingProfile") -> None:
        """Record that this guest entered the same email address again, so that the rows are not deleted as unused."""
        GuestEmail.objects.record_return(request)
        self.filter(pk=guest.pk, user=None).update(updated=timezone.now())

    def mark_erased(self, profiles: models.QuerySet["BillingProfile"]) -> int:
        """Remove the person from these profiles, and mark their customers to be deleted at Stripe.

        Return how many of them were not erased before.
        """
        marked = profiles.filter(forgotten=None).update(forgotten=timezone.now())
        empty = {"email": "", "customer_email": "", "rejected_email": ""}
        profiles.update(user=None, guest_email=None, active=False, **empty)
        return marked

    def update_customer_after_commit(self, **lookup: Any) -> None:
        """Let the Stripe customer of this profile get its current email address soon after the commit."""
        transaction.on_commit(partial(start, update_outdated_customer, **lookup))

    def with_outdated_customer(self) -> models.QuerySet["BillingProfile"]:
        """Return the profiles whose customer at Stripe does not have the profile's email address.

        An email address that Stripe rejected is not sent again. Erased profiles are left out, because their customers
        are deleted.
        """
        sent = Q(customer_email=F("email")) | Q(rejected_email=F("email"))
        return self.filter(forgotten=None).exclude(customer_id="").exclude(email="").exclude(sent)

    def with_customer_to_delete(self) -> models.QuerySet["BillingProfile"]:
        """Return the erased profiles whose customer still has to be deleted at Stripe."""
        return self.filter(forgotten__isnull=False).exclude(customer_id="")


class BillingProfile(GuardedModel):
    """A payer: a user or the guest of one session. It corresponds to a customer at Stripe."""

    columns = Columns(conditional=("customer_id", "customer_email", "rejected_email", "forgotten"))
    is_customer_tried = False  # whether this object has tried to create its customer

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.PROTECT,  # orders.workflow.erasure is the only way to delete a person
        null=True,
        blank=True,
        related_name="billing_profile",
        verbose_name=_("user"),
    )
    guest_email = models.ForeignKey(
        GuestEmail, models.SET_NULL, null=True, blank=True, editable=False, related_name="billing_profiles",
        verbose_name=_("guest email"), help_text=_("What this guest entered as their email address."),
    )  # fmt: skip
    email = models.EmailField(_("email"))
    customer_id = models.CharField(_("Stripe customer"), max_length=120, blank=True)
    customer_email = models.EmailField(
        _("email at Stripe"), blank=True, editable=False, help_text=_("Empty if it is not known or there is none.")
    )
    rejected_email = models.EmailField(
        _("rejected email"), blank=True, editable=False, help_text=_("The last email address that Stripe rejected.")
    )
    active = models.BooleanField(_("active"), default=True)
    forgotten = models.DateTimeField(
        _("erased"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the person was erased. The row is kept for their orders."),
    )
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects: ClassVar[BillingProfileManager] = BillingProfileManager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        indexes = [
            models.Index(
                fields=["forgotten"],
                condition=Q(forgotten__isnull=False) & ~Q(customer_id=""),
                name="profile_forgotten_here_alone",
            ),
            models.Index(
                fields=["customer_email"],
                condition=Q(forgotten=None) & ~Q(customer_id="") & ~Q(email="") & ~Q(customer_email=F("email")),
                name="profile_customer_outdated",
            ),
            models.Index(
                fields=["user", "updated"], condition=Q(user=None, forgotten=None), name="profile_of_guest_by_age"
            ),
            models.Index(
                fields=["forgotten"],
                condition=Q(forgotten__isnull=False, customer_id=""),
                name="profile_erased_at_stripe",
            ),
            models.Index(Lower("email"), name="profile_by_email"),
        ]

    def __str__(self) -> str:
        return self.email or f"#{self.pk}"

    @property
    def is_guest(self) -> bool:
        return self.user_id is None

    @property
    def is_email_rejected(self) -> bool:
        """Whether Stripe rejected the profile's current email address."""
        return bool(self.email) and self.rejected_email == self.email

    def try_customer(self) -> None:
        """Create a Stripe customer and set its columns on this object, which is not saved.

        Change nothing if the call fails. The customer is then created when it is first needed.
        """
        self.is_customer_tried = True
        try:
            self.customer_id = gateway.create_customer(self.email)
            self.customer_email = self.email
        except answers.EmailRejected:
            self.rejected_email = self.email
        except answers.GatewayError as error:
            logger.warning("Stripe customer not created yet: %s", error)

    def get_customer(self, is_email_optional: bool = False) -> str:
        """Return the id of the Stripe customer. Create it if none is stored; raise GatewayError if that fails.

        If Stripe rejects the email address, raise EmailRejected, or with `is_email_optional` create the customer
        without one. The payer of a placed order could not pay otherwise, because the order's email address is frozen.
        """
        if not self.customer_id:
            self._create_customer("", is_email_optional)
        return self.customer_id

    def replace_customer(self, is_email_optional: bool = False) -> str:
        """Replace a customer that Stripe no longer has, and return the new id.

        Deactivate the cards of the old customer. Raise GatewayError if no customer can be created.
        """
        if self._create_customer(self.customer_id, is_email_optional):
            removed = {"active": False, "default": False, "removed_at": timezone.now()}
            self.cards.filter(active=True).update(**removed)
            self.cards.update(is_detach_due=False)  # they were removed at Stripe together with the customer
        return self.customer_id

    def update_customer(self) -> None:
        """Send the email address to the Stripe customer. Raise GatewayError if Stripe does not answer.

        During the call, the customer's email address counts as unknown. If the response is lost, the process dies or
        the profile's email address changes in the meantime, reconcile therefore sends it again. A customer that Stripe
        does not have is left to the next payment, which replaces it.
        """
        row = BillingProfile.objects.filter(pk=self.pk, customer_id=self.customer_id)
        row.update(customer_email="")
        try:
            with suppress(answers.Missing):
                gateway.update_customer(self.customer_id, self.email)
        except answers.EmailRejected:
            gateway.update_customer(self.customer_id, "")  # no email address is better than an outdated one
            self._store_rejection()
        else:
            if not row.filter(email=self.email).update(customer_email=self.email, rejected_email=""):
                row.update(customer_email="")  # Stripe might have applied this call after a newer one.

    def _create_customer(self, old_id: str, is_email_optional: bool) -> bool:
        """Create a customer and store it instead of `old_id`. Return False if another process was first."""
        email = "" if is_email_optional and self.is_email_rejected else self.email
        try:
            return self._store_customer(gateway.create_customer(email), email, old_id)
        except answers.EmailRejected:
            self._store_rejection()
            if not is_email_optional:
                raise
        return self._store_customer(gateway.create_customer(""), "", old_id)

    def _store_customer(self, customer_id: str, email: str, old_id: str) -> bool:
        """Store the id and the email address of a new customer and return True.

        If another process has already changed the stored id, load that id and return False.
        """
        row = BillingProfile.objects.filter(pk=self.pk, customer_id=old_id)
        accepted = {"rejected_email": ""} if email else {}
        stored = row.update(customer_id=customer_id, customer_email=email, **accepted)
        self.refresh_from_db(fields=["customer_id", "customer_email", "rejected_email"])
        return bool(stored)

    def _store_rejection(self) -> None:
        """Store that Stripe rejected the email address, unless it was changed in the meantime."""
        BillingProfile.objects.filter(pk=self.pk, email=self.email).update(rejected_email=self.email)
        self.rejected_email = self.email


@task()
def update_outdated_customer(**lookup: Any) -> None:
    """Try for a short time to send the email address of this profile to Stripe. Otherwise reconcile does it."""
    profile = BillingProfile.objects.with_outdated_customer().filter(**lookup).first()
    if profile is None:
        return
    try:
        with time_limits.brief_timeouts():
            profile.update_customer()
    except answers.GatewayError as error:
        logger.warning("Stripe customer of billing profile %s not updated yet: %s", profile.pk, error)
