"""Counters that limit what one visitor can cause in a time."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from django.db import connection, models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class RateCounterManager(models.Manager["RateCounter"]):
    def take(self, limits: Mapping[str, int], seconds: int, number: int = 1) -> list[str]:
        """Count `number` under each key of `limits`, in one statement. The values are the limits within `seconds`.

        Return the keys whose limit would be exceeded. Nothing is counted then: what a narrow limit stops does not use
        up a wide one. The time of a key begins with its first count. The rows are written in the order of their keys,
        to avoid deadlocks.
        """
        now = int(timezone.now().timestamp() * 1000)
        over = {key for key, limit in limits.items() if number > limit}
        rows = [(key, limits[key]) for key in sorted(limits.keys() - over)]
        counted = self._count(rows, now, now - seconds * 1000, number) if rows and not over else set()
        exceeded = [key for key in limits if key not in counted]
        if exceeded and counted:
            self.filter(key__in=counted).update(count=F("count") - number)
        return exceeded

    def _count(self, rows: list[tuple[str, int]], now: int, since: int, number: int) -> set[str]:
        """Count under each key whose limit allows it, and return these keys.

        The ORM cannot write this: an insert that becomes a conditional update of a row that exists. The database
        decides in one step, so that simultaneous requests do not exceed the limit.
        """
        table = connection.ops.quote_name(self.model._meta.db_table)
        limit = "CASE excluded.key " + "WHEN %s THEN %s " * len(rows) + "END"
        sql = (
            f"INSERT INTO {table} AS counter (key, since, count) VALUES {', '.join(['(%s, %s, %s)'] * len(rows))} "  # noqa: S608 - one of our tables
            "ON CONFLICT (key) DO UPDATE SET "
            "count = CASE WHEN counter.since <= %s THEN 0 ELSE counter.count END + excluded.count, "
            "since = CASE WHEN counter.since <= %s THEN excluded.since ELSE counter.since END "
            f"WHERE counter.since <= %s OR counter.count + excluded.count <= {limit} RETURNING key"
        )
        values = [value for key, _limit in rows for value in (key, now, number)]
        cases = [value for row in rows for value in row]
        with connection.cursor() as cursor:
            cursor.execute(sql, [*values, since, since, since, *cases])
            return {key for (key,) in cursor.fetchall()}

    def old(self) -> models.QuerySet["RateCounter"]:
        """Return the counters whose time is over."""
        limit = timezone.now() - RateCounter.KEPT_FOR
        return self.filter(since__lt=int(limit.timestamp() * 1000))


class RateCounter(models.Model):
    """How often something was done since a moment by a visitor, who is part of the key only as a keyed hash."""

    KEPT_FOR = timedelta(hours=2)  # longer than the time of any limit

    key = models.CharField(_("key"), max_length=100, unique=True)
    since = models.BigIntegerField(_("since"), help_text=_("Milliseconds since 1970."))
    count = models.PositiveIntegerField(_("count"))

    objects: ClassVar[RateCounterManager] = RateCounterManager()

    class Meta:
        verbose_name = _("rate counter")
        verbose_name_plural = _("rate counters")
        indexes = [models.Index(fields=["since"], name="rate_counter_by_age")]

    def __str__(self) -> str:
        return self.key
