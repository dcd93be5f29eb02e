"""Configuration of the core app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    """The app with the code that all apps share, such as template tags and abstract models."""

    name = "core"

    def ready(self) -> None:
        """Connect the signal receiver."""
        post_migrate.connect(renew_pages, sender=self, dispatch_uid="page_versions.migrations")


def renew_pages(apps: Any, plan: Any = (), **kwargs: Any) -> None:
    """Move the version of all pages if migrations ran, because they change rows without the rules for versions."""
    from core.page_cache.versions import SITE, touch

    if plan and "pageversion" in apps.all_models["core"]:
        touch(SITE)
