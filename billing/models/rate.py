"""Counters that limit what one visitor can cause in a time."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, NamedTuple

from django.db import connection, models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Rate(NamedTuple):
    """How often something may happen within so many seconds."""

    most: int
    seconds: int


class RateCounterManager(models.Manager["RateCounter"]):
    def take(self, rates: Mapping[str, Rate], number: int = 1) -> list[str]:
        """Count `number` under each key of `rates`, in one statement.

        Return the keys whose rate would be exceeded. Nothing is counted then: what a narrow limit stops does not use
        up a wide one. The time of a key begins with its first count. The rows are written in the order of their keys,
        to avoid deadlocks.
        """
        over = [key for key, rate in rates.items() if number > rate.most]
        if over or not rates:
            return over
        counted = self._count(sorted(rates.items()), number)
        exceeded = [key for key in rates if key not in counted]
        if exceeded and counted:
            self.filter(key__in=counted).update(count=F("count") - number)
        return exceeded

    def _count(self, rates: list[tuple[str, Rate]], number: int) -> set[str]:
        """Count under each key whose rate allows it, and return these keys.

        The ORM cannot write this: an insert that becomes a conditional update of a row that exists. The database
        decides in one step, so that simultaneous requests do not exceed the limit.
        """
        now, table = _milliseconds(timezone.now()), connection.ops.quote_name(self.model._meta.db_table)
        sql = (
            f"INSERT INTO {table} AS counter (key, until, count) "  # noqa: S608 - one of our tables
            f"VALUES {', '.join(['(%s, %s, %s)'] * len(rates))} ON CONFLICT (key) DO UPDATE SET "
            "count = CASE WHEN counter.until <= %s THEN 0 ELSE counter.count END + excluded.count, "
            "until = CASE WHEN counter.until <= %s THEN excluded.until ELSE counter.until END "
            "WHERE counter.until <= %s OR counter.count + excluded.count <= "
            f"CASE excluded.key {'WHEN %s THEN %s ' * len(rates)} END RETURNING key"
        )
        rows = [value for key, rate in rates for value in (key, now + rate.seconds * 1000, number)]
        limits = [value for key, rate in rates for value in (key, rate.most)]
        with connection.cursor() as cursor:
            cursor.execute(sql, [*rows, now, now, now, *limits])
            return {key for (key,) in cursor.fetchall()}

    def old(self) -> models.QuerySet["RateCounter"]:
        """Return the counters whose time is over."""
        return self.filter(until__lt=_milliseconds(timezone.now()))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


class RateCounter(models.Model):
    """How often a visitor did something until now. The visitor is part of the key, only as a keyed hash."""

    key = models.CharField(_("key"), max_length=100, unique=True)
    until = models.BigIntegerField(_("until"), help_text=_("Milliseconds since 1970."))
    count = models.PositiveIntegerField(_("count"))

    objects: ClassVar[RateCounterManager] = RateCounterManager()

    class Meta:
        verbose_name = _("rate counter")
        verbose_name_plural = _("rate counters")
        indexes = [models.Index(fields=["until"], name="rate_counter_by_age")]

    def __str__(self) -> str:
        return self.key
