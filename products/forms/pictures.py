"""Admin form for additional pictures."""

from typing import Any, ClassVar

from django import forms

from products.images.uploads import PictureField
from products.models import Picture


class PictureForm(forms.ModelForm):
    """Admin form for an additional picture. The file is required."""

    class Meta:
        model = Picture
        fields: ClassVar[list[str]] = ["image", "image_alt", "position"]
        field_classes: ClassVar[dict[str, Any]] = {"image": PictureField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["image"].required = True
