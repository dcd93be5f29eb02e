"""Email addresses that guests enter."""

from typing import ClassVar

from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import guest_session

GUEST_SESSION_KEY = "guest_email_id"


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
