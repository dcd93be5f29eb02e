"""The versions of what catalog pages show."""

import secrets
from collections.abc import Iterable
from typing import ClassVar

from django.db import connections, models

SITE = "site"  # the version of what is on every page; every page and every cached result depends on it
MAX_VERSION = 2**63 - 1


class PageVersionManager(models.Manager["PageVersion"]):
    def move(self, names: Iterable[str]) -> None:
        """Give these versions new values, in one statement that locks the rows in a fixed order to avoid deadlocks."""
        in_order = sorted(set(names), key=lambda name: (name != SITE, name))
        self._insert(in_order, update_conflicts=True, unique_fields=["name"], update_fields=["value"])

    def lock(self) -> None:
        """Wait until no other transaction that moves versions is open, and let others wait for this one.

        On SQLite, a transaction that writes is the only one anyway.
        """
        if connections[self.db].features.has_select_for_update and not self._lock_site():
            self._insert([SITE], ignore_conflicts=True)
            self._lock_site()

    def _lock_site(self) -> bool:
        return bool(self.select_for_update(no_key=True).filter(name=SITE).values_list("name", flat=True))

    def _insert(self, names: Iterable[str], **conflicts: object) -> None:
        rows = [PageVersion(name=name, value=1 + secrets.randbelow(MAX_VERSION)) for name in names]
        self.bulk_create(rows, **conflicts)  # type: ignore[arg-type]


class PageVersion(models.Model):
    """One version. Its value is random, so that no value comes back, not even if the row is deleted and added again.

    A version without a row has the value 0.
    """

    name = models.CharField(max_length=150, primary_key=True)
    value = models.BigIntegerField()

    objects: ClassVar[PageVersionManager] = PageVersionManager()

    class Meta:
        default_permissions = ()  # Versions are not edited.

    def __str__(self) -> str:
        return self.name
