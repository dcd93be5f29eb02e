"""What this shop is missing, for `manage.py lawful` and the home page of the admin."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import get_language

from core.page_cache.version_cache import VersionCache
from core.page_cache.versions import remember_versions
from ecommerce.law.duties import DUTIES
from ecommerce.law.duty import Duty, Finding, Weight
from ecommerce.law.inspection import Inspection
from ecommerce.law.regions import Region

REPORTS = VersionCache(size=4)


@dataclass(frozen=True)
class Report:
    """A duty that applies to the shop, with what is missing and what is only a remark."""

    duty: Duty
    missing: Sequence[Finding]
    notes: Sequence[Finding]


@dataclass(frozen=True)
class Reports:
    """The reports on all duties that apply to the regions that the shop serves."""

    regions: frozenset[Region]
    duties: Sequence[Report]

    @property
    def open(self) -> list[Report]:
        """The duties that are not fulfilled."""
        return [report for report in self.duties if report.missing]

    @property
    def with_notes(self) -> list[Report]:
        return [report for report in self.duties if report.notes]


def inspect_shop() -> Reports:
    """Check every duty that applies to the countries served. Write nothing."""
    inspection = Inspection()
    with remember_versions():
        applying = [duty for duty in DUTIES if duty.regions & inspection.regions]
        return Reports(inspection.regions, [_report(duty, duty.findings(inspection)) for duty in applying])


def cached_reports() -> Reports:
    """Return the reports in the active language. They are kept until a row changes that they depend on."""
    return REPORTS.get_or_make(get_language(), (), inspect_shop)


def _report(duty: Duty, findings: Sequence[Finding]) -> Report:
    missing = [finding for finding in findings if is_failure(finding)]
    return Report(duty, missing, [finding for finding in findings if finding not in missing])


def is_failure(finding: Finding) -> bool:
    """Whether the shop must not open like this. Samples are fine as long as all payments are tests."""
    return finding.weight == Weight.MISSING or (finding.weight == Weight.SAMPLE and settings.STRIPE_IS_REAL)
