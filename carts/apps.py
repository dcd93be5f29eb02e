"""App configuration for carts."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CartsConfig(AppConfig):
    """The app with carts, pricing rules and the checkout."""

    name = "carts"
    verbose_name = _("Carts and rates")

    def ready(self) -> None:
        """Connect the signal receivers, the rules for the versions of pages, and the checks."""
        from carts import checks, signals  # noqa: F401
        from carts.pricing import rules  # noqa: F401
