"""Who pays, and with what."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Connects signals and checks, and stops a start that could take money wrongly."""

    name = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        """Connect receivers and checks; gunicorn runs no checks, so the dangerous settings are refused here too."""
        from billing import checks, signals  # noqa: F401

        checks.refuse_dangerous_settings()
