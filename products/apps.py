"""The catalogue."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProductsConfig(AppConfig):
    """Connects the signals."""

    name = "products"
    verbose_name = _("Products")

    def ready(self) -> None:
        """Connect the signal receivers."""
        from products import signals  # noqa: F401
