"""Admin for the sections of the home page."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin import EditAdmin
from products.admin.pictures import PictureFormMixin
from products.forms import HomeSectionForm
from products.models import HomeSection


@admin.register(HomeSection)
class HomeSectionAdmin(PictureFormMixin, EditAdmin):
    """The sections of the home page, in the order of the page."""

    form = HomeSectionForm
    list_display = ("__str__", "kind", "position", "is_shown", "starts", "ends")
    list_editable = ("position", "is_shown")
    list_filter = ("kind", "is_shown")
    search_fields = ("title", "text")
    ordering = ("position", "pk")
    fieldsets = (
        (None, {"fields": ("kind", "title", "text")}),
        (_("Picture"), {"fields": ("image", "image_alt", "tall_picture")}),
        (_("Products"), {"fields": ("category", "skus")}),
        (_("When and where"), {"fields": ("position", "is_shown", "starts", "ends")}),
    )

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """Return the URL of the home page."""
        return "/" if obj else None

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        """Put a new section at the end of the page."""
        last = HomeSection.objects.order_by("-position").values_list("position", flat=True).first()
        return {"position": 10 if last is None else last + 10} | super().get_changeform_initial_data(request)
