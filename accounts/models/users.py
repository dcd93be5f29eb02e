"""Models for users: accounts, and the email addresses that they had before."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.email_addresses import ERASED_DOMAIN, MAX_EMAIL_LENGTH, same_email, validate_customer_email


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
    language = models.CharField(
        _("language"), max_length=12, blank=True, editable=False, help_text=_("Of the last sign-in."),
    )  # fmt: skip

    _password: str | None  # of AbstractBaseUser: the password that was just set, until it is saved
    before: "User | None" = None  # the stored row, while a change of how the user signs in is saved
    has_to_sign_in_again = False  # set while such a change is saved

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
        if self._state.adding:
            super().save(**kwargs)
            return
        with transaction.atomic():  # together with the emails and the ends of sessions that follow from a change
            super().save(**({"force_update": True} | kwargs if is_whole_row else kwargs))
            if self.has_to_sign_in_again:  # after all receivers, because sessions are locked last
                self.sign_ins.end_sessions()
                self.has_to_sign_in_again = False

    def has_new_password(self, before: "User") -> bool:
        """Check whether the password differs from that of `before`. A new hash of the same password does not count."""
        is_set = self._password is not None or not self.has_usable_password()
        return is_set and self.password != before.password

    @property
    def has_verified_email(self) -> bool:
        """Whether the current email address was verified. A changed address has to be verified again."""
        return bool(self.email) and self.email_verified.lower() == self.email.lower()

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return what ends all other sessions as soon as it changes: the email address or the password."""
        text = f"{self.email}\n{self.password}"
        return salted_hmac("accounts.session", text, secret=secret, algorithm="sha256").hexdigest()

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
