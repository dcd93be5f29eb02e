"""The catalogue."""

from django.apps import AppConfig


class ProductsConfig(AppConfig):
    """Connects the signals."""

    name = "products"

    def ready(self) -> None:
        """Connect the signal receivers."""
        from products import signals  # noqa: F401
