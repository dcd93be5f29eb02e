"""Admin form for a section of the home page."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from products.images.uploads import PictureField
from products.models import HomeSection


class HomeSectionForm(forms.ModelForm):
    """Admin form for a section of the home page."""

    class Meta:
        model = HomeSection
        fields: ClassVar[list[str]] = [
            "kind", "title", "text", "image", "image_alt", "tall_picture", "category", "skus", "position", "is_shown",
            "starts", "ends",
        ]  # fmt: skip
        field_classes: ClassVar[dict[str, Any]] = {"image": PictureField}
        widgets: ClassVar[dict[str, Any]] = {
            "text": forms.Textarea(attrs={"rows": 4}),
            "skus": forms.Textarea(attrs={"rows": 4}),
        }
        help_texts: ClassVar[dict[str, Any]] = {
            "image_alt": _("Describes the picture for people who cannot see it. Leave empty if it only decorates."),
        }
