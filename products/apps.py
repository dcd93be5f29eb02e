"""App configuration for products."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProductsConfig(AppConfig):
    """The products app, which connects its signal receivers and the rules for the versions of pages."""

    name = "products"
    verbose_name = _("Products")

    def ready(self) -> None:
        """Import the signal receivers and the rules, which connects them."""
        from products import page_versions, signals  # noqa: F401
