"""What a visitor means to buy."""

from django.apps import AppConfig


class CartsConfig(AppConfig):
    """Connects the signals."""

    name = "carts"

    def ready(self) -> None:
        """Connect the signal receivers."""
        from carts import signals  # noqa: F401
