"""Models for accounts: users, guest email addresses, account emails and sign-ups with a taken email address."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import guest_session
from accounts.email_addresses import (
    ERASED_DOMAIN,
    MAX_EMAIL_LENGTH,
    canonical_email,
    erased_email,
    same_email,
    validate_customer_email,
)
from core.emails.outbox import OutboxMail, OutboxQuerySet, queued

GUEST_SESSION_KEY = "guest_email_id"
HOUR = timedelta(hours=1)


class UserManager(BaseUserManager["User"]):
    """Manager that looks users up by email address, case-insensitively."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this email address. Raise DoesNotExist if there is no match.

        An input that is too long or contains NUL raises DoesNotExist without a query, because no column can store it.
        """
        email = username or ""
        if len(email) > MAX_EMAIL_LENGTH or "\x00" in email:
            raise self.model.DoesNotExist
        return self.get(same_email("email", email))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create and save a user with a hashed password."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create and save a user who has all permissions in the admin.

        Raise ValidationError for an email address that the forms reject too, because `createsuperuser` does not.
        """
        validate_customer_email(email)
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True} | fields)

    def mark_email_verified(self, user: "User") -> bool:
        """Mark the email address as verified after the user followed a link sent to it.

        Return False if the email address changed in the meantime.
        """
        updated = self.filter(pk=user.pk, email=user.email).update(email_verified=user.email)
        user.refresh_from_db(fields=["email", "email_verified"])
        return bool(updated)


class User(AbstractBaseUser, PermissionsMixin):
    """A customer or a member of staff."""

    email = models.EmailField(_("email"), unique=True)
    email_verified = models.EmailField(
        _("verified email address"),
        blank=True,
        editable=False,
        help_text=_("The email address that the user verified through an emailed link."),
    )
    name = models.CharField(_("name"), max_length=120, blank=True)
    is_staff = models.BooleanField(_("staff status"), default=False, help_text=_("Can log in to the admin."))
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [("erase_person", "Can erase people")]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique_without_case")]

    def __str__(self) -> str:
        return self.email

    def save(self, **kwargs: Any) -> None:
        """Save the user. Raise DatabaseError if the row was deleted: an erased account must not come back."""
        is_whole_row = not self._state.adding and kwargs.get("update_fields") is None
        super().save(**({"force_update": True} | kwargs if is_whole_row else kwargs))

    @property
    def has_verified_email(self) -> bool:
        """Whether the current email address was verified. A changed address has to be verified again."""
        return bool(self.email) and self.email_verified.lower() == self.email.lower()

    @property
    def is_erased(self) -> bool:
        """Whether this person was erased. The row of a member of staff is kept for the log of what they did."""
        return self.email.endswith(ERASED_DOMAIN)

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email


class EarlierEmail(models.Model):
    """An email address that a user had until `until`, so that an erasure finds what the shop noted under it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="earlier_emails", verbose_name=_("user"))
    email = models.EmailField(_("email"))
    is_verified = models.BooleanField(_("verified"), default=False)
    until = models.DateTimeField(_("until"), default=timezone.now)

    class Meta:
        verbose_name = _("earlier email")
        verbose_name_plural = _("earlier emails")
        ordering = ["until", "pk"]

    def __str__(self) -> str:
        return self.email


class GuestEmailManager(models.Manager["GuestEmail"]):
    """Manager that stores the guest in the session. It never looks guests up by email address."""

    def from_request(self, request: HttpRequest) -> "GuestEmail | None":
        """Return the active guest of this session, or None. A guest session that is over ends."""
        guest_session.end_if_over(request)
        pk = request.session.get(GUEST_SESSION_KEY)
        guest = self.filter(pk=pk, active=True).first() if pk else None
        return guest if guest and guest_session.is_current(request, since=guest.updated) else None

    def remember(self, request: HttpRequest, guest: "GuestEmail") -> None:
        """Store `guest` in the session."""
        guest_session.record_change(request)
        request.session[GUEST_SESSION_KEY] = guest.pk

    def record_return(self, request: HttpRequest) -> None:
        """Record that the guest of this session entered the same email address again."""
        guest_session.record_change(request)
        self.filter(pk=request.session.get(GUEST_SESSION_KEY, 0)).update(updated=timezone.now())

    def forget(self, request: HttpRequest) -> None:
        """Remove the guest from the session."""
        request.session.pop(GUEST_SESSION_KEY, None)


class GuestEmail(models.Model):
    """An email address that a guest entered in one session."""

    email = models.EmailField(_("email"))
    active = models.BooleanField(_("active"), default=True)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects: ClassVar[GuestEmailManager] = GuestEmailManager()

    class Meta:
        verbose_name = _("guest email")
        verbose_name_plural = _("guest emails")
        indexes = [models.Index(fields=["updated"], name="guest_email_by_age")]

    def __str__(self) -> str:
        return self.email


class AccountMailQuerySet(OutboxQuerySet):
    """Queryset that queues account emails within limits and erases their email addresses."""

    RECIPIENT_LIMIT = 5  # per kind and hour, so that the shop cannot be used to flood a mailbox
    CLIENT_LIMIT = 20  # per hour

    def queue(self, kind: str, to: str, client: str, user: User | None) -> None:
        """Queue an email unless a limit is reached. The work is the same for any email address.

        The limits are checked after the row is written, so that concurrent requests cannot exceed them.
        """
        mail = self.create(kind=kind, to=canonical_email(to), client=client, user=user, language=get_language() or "")
        if self.exceeds_limit(mail):
            mail.delete()
        else:
            queued.send(AccountMail)

    def exceeds_limit(self, mail: "AccountMail") -> bool:
        """Check whether earlier emails of the last hour already reach the limit of the recipient or the client."""
        earlier = self.filter(timestamp__gt=timezone.now() - HOUR, pk__lt=mail.pk)
        of_address = earlier.filter(kind=mail.kind, to__in=[mail.to, erased_email(mail.to)]).count()
        of_client = earlier.filter(client=mail.client).count()
        return of_address >= self.RECIPIENT_LIMIT or of_client >= self.CLIENT_LIMIT

    def erase(self) -> None:
        """Erase the recipients of these emails and drop the unsent ones.

        The limits still count these rows until they are deleted.
        """
        rows = AccountMail.objects.filter(pk__in=list(self.values_list("pk", flat=True)))
        rows.filter(sent=None, dropped=None).update(dropped=timezone.now())
        for to in set(rows.values_list("to", flat=True)):
            erased = to if to.endswith(ERASED_DOMAIN) else erased_email(to)
            rows.filter(to=to).update(user=None, to=erased)


class AccountMail(OutboxMail):
    """An email about an account. Its link is created when the email is sent and is never stored."""

    class Kind(models.TextChoices):
        RESET = "reset", _("New password")
        VERIFY = "verify", _("Verify email")
        CLAIM = "claim", _("Earlier orders")
        CHANGED = "changed", _("Email changed")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    user = models.ForeignKey(
        User, models.CASCADE, null=True, related_name="mails", verbose_name=_("user"),
        help_text=_("The user who requested it while logged in. Otherwise the account is looked up on sending."),
    )  # fmt: skip
    client = models.CharField(max_length=64, editable=False)
    language = models.CharField(_("language"), max_length=12)
    used = models.DateTimeField(_("link used"), null=True, blank=True)

    objects: ClassVar[Any] = AccountMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("account email")
        verbose_name_plural = _("account emails")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["to", "timestamp"], name="account_mail_of_address"),
            models.Index(fields=["client", "timestamp"], name="account_mail_of_client"),
            models.Index(fields=["timestamp"], name="account_mail_by_age"),
            models.Index(fields=["attempts"], condition=models.Q(sent=None, dropped=None), name="account_mail_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.to}"

    def mark_used(self) -> bool:
        """Mark the link as used. Return False if it was used already."""
        return bool(AccountMail.objects.filter(pk=self.pk, used=None).update(used=timezone.now()))


class TakenSignupQuerySet(models.QuerySet["TakenSignup"]):
    """Queryset that limits attempts with a taken email address, because their error reveals that it has an account."""

    LIMIT = 10  # per hour and client

    def record(self, client: str) -> bool:
        """Record an attempt by this client. Return True if it exceeds the limit."""
        self.create(client=client)
        return self._of_last_hour(client).count() > self.LIMIT

    def is_at_limit(self, client: str) -> bool:
        """Check whether the next attempt by this client would exceed the limit."""
        return self._of_last_hour(client).count() >= self.LIMIT

    def _of_last_hour(self, client: str) -> Self:
        return self.filter(client=client, timestamp__gt=timezone.now() - HOUR)


class TakenSignup(models.Model):
    """A sign-up or email change rejected because the email address is taken. Only a hash of the client is stored."""

    client = models.CharField(max_length=64)
    timestamp = models.DateTimeField(auto_now_add=True)

    objects = TakenSignupQuerySet.as_manager()

    class Meta:
        verbose_name = _("sign-up with an existing email")
        verbose_name_plural = _("sign-ups with an existing email")
        indexes = [
            models.Index(fields=["client", "timestamp"], name="taken_signup_of_client"),
            models.Index(fields=["timestamp"], name="taken_signup_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.timestamp:%Y-%m-%d %H:%M}"
