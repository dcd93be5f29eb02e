"""Declares how each column of a model may change."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Columns:
    """The columns of a model, each in exactly one of three classes. A structural test checks that none is missing.

    `frozen` columns never change after the row is created or, for an order, placed. `conditional` columns change only
    by conditional updates, `filter(status=...).update(...)`. `save()` of an existing row writes neither; it writes
    only the `free` columns. The primary key is in no class.

    The other groups describe the same columns again:

    - `personal`: columns that identify a person. The export contains them and an erasure removes them.
    - `free_text`: texts that can mention a person. An erasure removes what identifies the person.
    - `not_personal`: all other text columns, so that no one adds a text column without classifying it.
    - `internal`: columns that the export of personal data leaves out. It contains all others.
    - `shown`: columns that catalog pages show. Changing them moves versions (see core/page_cache/shown_rows.py).
    - `added`: frozen columns by the version of the checksum that covers them first, if that is not version 2.
    """

    frozen: tuple[str, ...] = ()
    conditional: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    free_text: tuple[str, ...] = ()
    not_personal: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    added: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def guarded(self) -> frozenset[str]:
        """The columns that `save()` of an existing row leaves out."""
        return frozenset(self.frozen + self.conditional)

    @property
    def exported(self) -> tuple[str, ...]:
        """The columns in the export of personal data."""
        return tuple(name for name in self.frozen + self.conditional + self.free if name not in self.internal)

    def frozen_in(self, version: int) -> list[str]:
        """Return the frozen columns that this version of the checksum covers, in the order of their declaration."""
        later = {name for since, names in self.added.items() if since > version for name in names}
        return [name for name in self.frozen if name not in later]
