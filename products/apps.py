"""App configuration for products."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProductsConfig(AppConfig):
    """The products app, which connects its signal receivers."""

    name = "products"
    verbose_name = _("Products")

    def ready(self) -> None:
        """Import the signal receivers, which connects them."""
        from products import signals  # noqa: F401
