"""The `lawful` command, which names what the law asks for and this shop is missing."""

from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ecommerce.law.duty import Finding, Weight
from ecommerce.law.report import Report, inspect_shop


class Command(BaseCommand):
    """Prints each duty of consumer law that this shop does not meet, and where to enter what is missing."""

    help = "Check the shop against consumer law of the countries it serves. Exit with 1 while something is missing."

    def handle(self, *args: Any, **options: Any) -> None:
        reports = inspect_shop()
        regions = ", ".join(sorted(reports.regions)) or "neither the EU nor the UK"
        self.stdout.write(f"Regions served: {regions}. Duties that apply: {len(reports.duties)}.\n")
        for report in reports.duties:
            self._print(report)
        if not settings.STRIPE_IS_REAL:
            self.stdout.write(
                "\nThe shop takes test payments only, so samples are remarks. They count as missing with real payments."
            )
        self.stdout.write("This list is not legal advice. See docs/law.md.")
        if missing := sum(len(report.missing) for report in reports.duties):
            raise CommandError(f"{missing} missing, for {len(reports.open)} duties.")
        self.stdout.write(self.style.SUCCESS("Nothing is missing."))

    def _print(self, report: Report) -> None:
        if not (report.missing or report.notes):
            return
        self.stdout.write(f"\n{report.duty.id} {report.duty.title} ({report.duty.law})")
        for finding in report.missing:
            self.stdout.write(self.style.ERROR(f"  missing: {_with_url(finding)}"))
        for finding in report.notes:
            word = "sample" if finding.weight == Weight.SAMPLE else "remark"
            self.stdout.write(f"  {word}: {_with_url(finding)}")


def _with_url(finding: Finding) -> str:
    return f"{finding.text} {urljoin(settings.SITE_URL, finding.url)}" if finding.url else finding.text
