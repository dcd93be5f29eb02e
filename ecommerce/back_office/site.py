"""The admin site of the shop, with its own home page. `core.admin_site` answers the requests."""

from typing import Any

from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.template.response import TemplateResponse

from core.admin_site import ShopAdminSite


class BackOfficeSite(ShopAdminSite):
    """An admin site that shows today's work, and its models in groups that a merchant knows.

    The imports are in the methods because this module is imported before models can be.
    """

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the home page."""
        from ecommerce.back_office.sales import recent_sales
        from ecommerce.back_office.today import todays_work

        work = todays_work(request)
        own = {"work": work, "is_busy": any(line.number for line in work), "sales": recent_sales(request)}
        return super().index(request, own | (extra_context or {}))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the models in groups, or those of one app for its own page."""
        from ecommerce.back_office.model_groups import group_models

        apps = super().get_app_list(request, app_label)
        return apps if app_label else group_models(apps)


class BackOfficeConfig(AdminConfig):
    """The configuration of Django's admin with the site of the shop."""

    default_site = "ecommerce.back_office.site.BackOfficeSite"
