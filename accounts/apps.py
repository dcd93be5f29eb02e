"""App configuration for accounts."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Configuration of the accounts app."""

    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        """Connect the signal receivers."""
        from accounts import signals

        post_migrate.connect(signals.make_staff_roles, sender=self, dispatch_uid="accounts.make_staff_roles")
