"""App configuration for carts."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CartsConfig(AppConfig):
    """The app with carts, pricing rules and the checkout."""

    name = "carts"
    verbose_name = _("Carts and rates")

    def ready(self) -> None:
        """Connect the signal receivers and checks."""
        from carts import checks, signals  # noqa: F401
