"""People: users, who sign in by e-mail, and the e-mails that guests leave."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

GUEST_KEY = "guest_email_id"


class UserManager(BaseUserManager["User"]):
    """Finds users by e-mail without regard to case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new user; the password is hashed."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user who may do everything in the admin."""
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True} | fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A customer or a member of staff."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May sign in to the admin."))
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

    email = models.EmailField(_("e-mail"))
    active = models.BooleanField(_("active"), default=True)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects: ClassVar[GuestEmailManager] = GuestEmailManager()

    class Meta:
        verbose_name = _("guest e-mail")
        verbose_name_plural = _("guest e-mails")

    def __str__(self) -> str:
        return self.email
