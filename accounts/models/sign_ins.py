"""Sign-ins: which sessions a user has, on which devices."""

from typing import ClassVar, Self

from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User


class SignInQuerySet(models.QuerySet["SignIn"]):
    """Queryset that finds sessions by their user, without decoding any."""

    def current(self) -> Self:
        """Filter sign-ins whose session is not over."""
        sessions = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
        return self.filter(Exists(sessions))

    def over(self) -> Self:
        """Filter sign-ins without a session."""
        return self.filter(~Exists(Session.objects.filter(session_key=OuterRef("session_key"))))

    def end_sessions(self) -> None:
        """End the sessions of these sign-ins. The rows stay until they are pruned.

        The session of the request that does this can continue: `cycle_key` gives it a new key.
        """
        Session.objects.filter(session_key__in=list(self.values_list("session_key", flat=True))).delete()


class SignIn(models.Model):
    """A session in which a user signed in. The session itself is a row of Django."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins", verbose_name=_("user"))
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    browser = models.CharField(_("browser"), max_length=20, blank=True)
    system = models.CharField(_("system"), max_length=20, blank=True)
    created = models.DateTimeField(_("created"))
    last_used = models.DateField(_("last used"))

    objects: ClassVar[SignInQuerySet] = SignInQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        ordering = ["-last_used", "-pk"]

    def __str__(self) -> str:
        return self.device

    @property
    def device(self) -> str:
        """The name of the device, such as "Firefox on Linux"."""
        if self.browser and self.system:
            return _g("%(browser)s on %(system)s") % {"browser": self.browser, "system": self.system}
        return self.browser or self.system or _g("Unknown device")
