"""People: users and guests."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Connects the signals."""

    name = "accounts"

    def ready(self) -> None:
        """Connect the signal receivers."""
        from accounts import signals  # noqa: F401
