"""What a duty is, and what is found when it is checked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise

from ecommerce.law.inspection import Inspection
from ecommerce.law.regions import Region


class Weight(StrEnum):
    """How much a finding matters."""

    MISSING = "missing"
    SAMPLE = "sample"  # a sample text: missing as soon as the shop takes real payments
    NOTE = "note"  # something to consider, never a failure


@dataclass(frozen=True)
class Finding:
    """What is missing, and the URL of the admin where it is entered. Without a URL, the code or a template is wrong."""

    text: str
    url: str = ""
    weight: Weight = Weight.MISSING


Check = Callable[[Inspection], Iterator[Finding]]


@dataclass(frozen=True)
class Duty:
    """A duty, the regions where it applies, and the checks whether this shop fulfills it.

    A duty without checks is fulfilled by the code for every shop. Its tests are in docs/law.md, like those of all
    others.
    """

    id: str
    title: str | Promise
    law: str
    regions: frozenset[Region]
    checks: Sequence[Check] = ()

    def findings(self, inspection: Inspection) -> list[Finding]:
        """Return what is missing, nothing twice. Return [] if the duty does not apply to the countries served."""
        if not self.regions & inspection.regions:
            return []
        return list(dict.fromkeys(finding for check in self.checks for finding in check(inspection)))
