"""Tries of discount codes that do not exist, counted against guessing."""

from datetime import timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.http import client_key, session_hash


class WrongCodeQuerySet(models.QuerySet["WrongCode"]):
    """Queryset with the limits on tries."""

    def start(self, request: HttpRequest) -> "WrongCode":
        """Create and return the row of a try, before the code is looked up. Delete it if the code exists."""
        return self.create(address=client_key(request), session=session_hash(request))

    def recent(self) -> Self:
        return self.filter(timestamp__gt=timezone.now() - WrongCode.COUNTED_FOR)

    def old(self) -> Self:
        """Return the rows that no limit counts any more."""
        return self.filter(timestamp__lt=timezone.now() - WrongCode.KEPT_FOR)


class WrongCode(models.Model):
    """A try of a discount code that does not exist, or a try in progress. The limits count these rows.

    A session can try SESSION_LIMIT wrong codes in an hour. If all sessions of one IP address together have tried
    ADDRESS_LIMIT, each can try only SHARED_LIMIT. Shoppers who know a code and share this IP address can still use it,
    and whoever guesses codes needs a new session with a new cart for every few of them.

    The IP address and the session are stored only as keyed hashes.
    """

    SESSION_LIMIT = 10
    ADDRESS_LIMIT = 20
    SHARED_LIMIT = 3
    COUNTED_FOR = timedelta(hours=1)
    KEPT_FOR = timedelta(days=1)

    address = models.CharField(_("IP address (hashed)"), max_length=64)
    session = models.CharField(_("session (hashed)"), max_length=64)
    timestamp = models.DateTimeField(_("time"), auto_now_add=True)

    objects: ClassVar[WrongCodeQuerySet] = WrongCodeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("wrong discount code")
        verbose_name_plural = _("wrong discount codes")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["session", "timestamp"], name="wrong_code_of_session"),
            models.Index(fields=["address", "timestamp"], name="wrong_code_of_address"),
            models.Index(fields=["timestamp"], name="wrong_code_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.timestamp:%Y-%m-%d %H:%M}"

    def exceeds_limit(self) -> bool:
        """Check whether this try is one too many. It is counted itself, so simultaneous tries are limited too."""
        own = Q(session=self.session)
        rows = WrongCode.objects.recent().filter(own | Q(address=self.address)).order_by()
        counts = rows.aggregate(session=Count("pk", filter=own), address=Count("pk", filter=Q(address=self.address)))
        allowed = self.SESSION_LIMIT if counts["address"] <= self.ADDRESS_LIMIT else self.SHARED_LIMIT
        return bool(counts["session"] > allowed)
