"""People: users, who sign in by e-mail; the e-mails that guests leave; the mails about accounts."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Value
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from ecommerce.outbox import OutboxMail, OutboxQuerySet

GUEST_KEY = "guest_email_id"
LONGEST_EMAIL = 254
HOUR = timedelta(hours=1)
# A database that compares in capitals takes a long s for an s and a dotless i for an i.
SAME_CAPITALS = str.maketrans("\u017f\u0131", "si")


def plain_email(email: str) -> str:
    """One spelling for all the ways to write an e-mail that lead to the same account."""
    return email.strip().lower().translate(SAME_CAPITALS)


def forgotten_address(email: str) -> str:
    """What stands for the address of somebody who left: the same for the same, and nobody can read it."""
    return f"{salted_hmac('accounts.forgotten', email, algorithm='sha256').hexdigest()[:40]}@forgotten.invalid"


class UserManager(BaseUserManager["User"]):
    """Finds users by e-mail without regard to case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of this e-mail; nobody's is what no column holds, and no database would even look for."""
        email = username or ""
        if len(email) > LONGEST_EMAIL or "\x00" in email:
            raise self.model.DoesNotExist
        # Not iexact: it compares in capitals on PostgreSQL, where a dotless i is an I, and of another domain.
        return self.alias(plain=Lower("email")).get(plain=Lower(Value(email)))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new user; the password is hashed."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user who may do everything in the admin."""
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True} | fields)

    def verify(self, user: "User") -> bool:
        """Somebody followed a link mailed to this user's address; False if the address is another by now."""
        proven = self.filter(pk=user.pk, email=user.email).update(email_verified=user.email)
        user.refresh_from_db(fields=["email", "email_verified"])
        return bool(proven)


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
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique_without_case")]

    def __str__(self) -> str:
        return self.email

    @property
    def has_verified_email(self) -> bool:
        """Whether the present address is the one that was proven: another one has to be proven anew."""
        return bool(self.email) and self.email_verified.lower() == self.email.lower()

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email


class GuestEmailManager(models.Manager["GuestEmail"]):
    """Reads and writes the session's guest; never looks anybody up by e-mail."""

    def from_request(self, request: HttpRequest) -> "GuestEmail | None":
        """The guest of this session, if it has one."""
        pk = request.session.get(GUEST_KEY)
        return self.filter(pk=pk, active=True).first() if pk else None

    def remember(self, request: HttpRequest, guest: "GuestEmail") -> None:
        """Make `guest` the one of this session."""
        request.session[GUEST_KEY] = guest.pk

    def forget(self, request: HttpRequest) -> None:
        """This session has no guest any more."""
        request.session.pop(GUEST_KEY, None)


class GuestEmail(models.Model):
    """The e-mail a guest left in one session."""

    email = models.EmailField(_("email"))
    active = models.BooleanField(_("active"), default=True)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects: ClassVar[GuestEmailManager] = GuestEmailManager()

    class Meta:
        verbose_name = _("guest email")
        verbose_name_plural = _("guest emails")

    def __str__(self) -> str:
        return self.email


class AccountMailQuerySet(OutboxQuerySet):
    """Writes mails about accounts, within limits, and finds them by their links."""

    ADDRESS_LIMIT = 5  # of a kind an hour: nobody floods a mailbox through us
    CLIENT_LIMIT = 20  # an hour

    def queue(self, kind: str, to: str, client: str, user: User | None) -> None:
        """Write a mail down, unless its limits are reached; does the same work for any address.

        Counted after writing, so that of requests at the same moment none slips through.
        """
        mail = self.create(kind=kind, to=plain_email(to), client=client, user=user, language=get_language() or "")
        if self.is_one_too_many(mail):
            mail.delete()

    def is_one_too_many(self, mail: "AccountMail") -> bool:
        """Whether earlier mails of the last hour fill the limit of its address or of its client."""
        earlier = self.filter(timestamp__gt=timezone.now() - HOUR, pk__lt=mail.pk)
        of_address = earlier.filter(kind=mail.kind, to__in=[mail.to, forgotten_address(mail.to)]).count()
        of_client = earlier.filter(client=mail.client).count()
        return of_address >= self.ADDRESS_LIMIT or of_client >= self.CLIENT_LIMIT

    def forget(self, user: User) -> None:
        """The mails to this user lose their address; the limits go on counting them until they are deleted."""
        mails = self.filter(models.Q(user=user) | models.Q(to=plain_email(user.email)))
        mails.filter(sent=None, dropped=None).update(dropped=timezone.now())
        mails.update(user=None, to=forgotten_address(plain_email(user.email)))


class AccountMail(OutboxMail):
    """A mail with a link about an account; the link is made when it is sent and stored nowhere."""

    class Kind(models.TextChoices):
        RESET = "reset", _("New password")
        VERIFY = "verify", _("Verify email")
        CLAIM = "claim", _("Earlier orders")
        CHANGED = "changed", _("Email changed")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    user = models.ForeignKey(
        User, models.CASCADE, null=True, related_name="mails", verbose_name=_("user"),
        help_text=_("The user who asked while logged in. Otherwise the account is looked up when the email is sent."),
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
            models.Index(fields=["attempts"], condition=models.Q(sent=None, dropped=None), name="account_mail_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.to}"

    def use(self) -> bool:
        """The link in it works once; False if it was used already."""
        return bool(AccountMail.objects.filter(pk=self.pk, used=None).update(used=timezone.now()))


class TakenSignupQuerySet(models.QuerySet["TakenSignup"]):
    """Counts sign-ups with an e-mail that has an account: the one place that tells which addresses have one."""

    LIMIT = 10  # an hour from one place

    def note(self, client: str) -> bool:
        """One more from this place; whether it was one too many."""
        self.create(client=client)
        return self._of_last_hour(client).count() > self.LIMIT

    def are_at_limit(self, client: str) -> bool:
        """Whether the next one from this place would be one too many."""
        return self._of_last_hour(client).count() >= self.LIMIT

    def _of_last_hour(self, client: str) -> Self:
        return self.filter(client=client, timestamp__gt=timezone.now() - HOUR)


class TakenSignup(models.Model):
    """A sign-up that was told "you have an account"; no e-mail is kept, only where it came from."""

    client = models.CharField(max_length=64)
    timestamp = models.DateTimeField(auto_now_add=True)

    objects = TakenSignupQuerySet.as_manager()

    class Meta:
        verbose_name = _("sign-up with an existing email")
        verbose_name_plural = _("sign-ups with an existing email")
        indexes = [models.Index(fields=["client", "timestamp"], name="taken_signup_of_client")]

    def __str__(self) -> str:
        return f"{self.timestamp:%Y-%m-%d %H:%M}"
