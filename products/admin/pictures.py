"""Pictures in the forms of the admin."""

import logging
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import AdminErrorList
from django.http import HttpRequest, HttpResponse

from products.forms import PictureForm
from products.images.storing import PictureNotStoredError
from products.images.uploads import ask_for_pictures_again, mark_not_stored
from products.models import Picture

logger = logging.getLogger(__name__)


class PictureFormMixin:
    """Mixin for the admin of a model with pictures. It shows errors that the form itself cannot know at the pictures.

    These are pictures that could not be stored, and pictures to choose again because of other errors.
    """

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form again if a picture could not be stored. The transaction is then rolled back."""
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]
        except PictureNotStoredError as error:
            logger.exception("A picture could not be stored.")
            if not mark_not_stored(error.content):
                raise
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Ask for each picture again if the form has errors, because the browser does not keep it."""
        if context.get("errors"):
            form, formsets = context["adminform"].form, [item.formset for item in context["inline_admin_formsets"]]
            for filled in (form, *(row for formset in formsets for row in formset.forms)):
                ask_for_pictures_again(filled)
            context["errors"] = AdminErrorList(form, formsets)
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]


class PictureInline(admin.StackedInline):
    """Inline for the additional pictures of a product."""

    model = Picture
    form = PictureForm
    extra = 1
    max_num = 12
    fields = ["image", "image_alt", "position"]
