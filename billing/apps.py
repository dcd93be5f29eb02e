"""Configuration of the billing app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """App configuration that connects signal receivers and checks."""

    name = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        """Connect the signal receivers and checks."""
        from billing import checks, signals  # noqa: F401
