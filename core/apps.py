"""Configuration of the core app."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, post_save, pre_delete
from django.utils.autoreload import file_changed
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """The app with the code that all apps share, such as template tags and abstract models."""

    name = "core"
    verbose_name = _("Shop")

    def ready(self) -> None:
        """Connect the signal receivers.

        Migrations and edited templates change what pages show, the first migration fills the row about the shop, and
        the log of staff keeps its authors.
        """
        from core.admin.log_entries import keep_author
        from core.page_cache.keys import forget_fingerprint
        from core.shop import checks  # noqa: F401

        post_migrate.connect(renew_pages, sender=self, dispatch_uid="page_versions.migrations")
        post_migrate.connect(fill_new_shop, sender=self, dispatch_uid="shop.fill")
        post_save.connect(renew_texts_of_pages, sender="core.Shop", dispatch_uid="pages.renew_texts")
        pre_delete.connect(keep_author, sender=settings.AUTH_USER_MODEL, dispatch_uid="log_entries.keep_author")
        # A development server loads edited templates without a restart.
        file_changed.connect(forget_fingerprint, dispatch_uid="page_cache_templates")


def renew_pages(apps: Any, plan: Any = (), **kwargs: Any) -> None:
    """Move the version of all pages if migrations ran, because they change rows without the rules for versions."""
    from core.page_cache.versions import SITE, touch

    if plan and "pageversion" in apps.all_models["core"]:
        touch(SITE)


def renew_texts_of_pages(sender: Any, raw: bool = False, **kwargs: Any) -> None:
    """Publish new versions of the pages that show facts about the shop that have changed."""
    from core.pages.publishing import renew_texts

    if not raw:
        renew_texts()


def fill_new_shop(apps: Any, plan: Any = (), **kwargs: Any) -> None:
    """Create the row about the shop from the settings if its table is new.

    An emptied test database gets none, because no migration runs there.
    """
    from core.shop.current import shop_from_settings

    if any((step.app_label, step.name, is_undone) == ("core", "0003_shop", False) for step, is_undone in plan):
        model, shop = apps.get_model("core", "Shop"), shop_from_settings()
        values = {field.attname: getattr(shop, field.attname, None) for field in model._meta.concrete_fields}
        model.objects.get_or_create(pk=shop.pk, defaults=values)
