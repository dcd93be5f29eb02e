"""Configuration of the core app."""

from django.apps import AppConfig
from django.utils.autoreload import file_changed


class CoreConfig(AppConfig):
    """The app with the code that all apps share, such as template tags and abstract models."""

    name = "core"

    def ready(self) -> None:
        """Let a development server show edited templates, which Django loads again without a restart."""
        from core.page_cache.keys import forget_fingerprint

        file_changed.connect(forget_fingerprint, dispatch_uid="page_cache_templates")
