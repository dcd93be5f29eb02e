"""Admin for the notices of the legal guarantee."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from core.admin import EditAdmin
from core.guarantee.models import GuaranteeNotice
from core.guarantee.uploads import NoticePictureField


class NoticeForm(forms.ModelForm):
    """Form for a notice: the official file of one language, and its words."""

    language = forms.ChoiceField(label=gettext_lazy("language"), choices=lambda: settings.LANGUAGES)

    class Meta:
        model = GuaranteeNotice
        fields: ClassVar[list[str]] = ["language", "picture", "text"]
        field_classes: ClassVar[dict[str, Any]] = {"picture": NoticePictureField}

    def clean(self) -> dict[str, Any]:
        """Keep the size of a new picture with its row."""
        cleaned = super().clean() or {}
        size = getattr(cleaned.get("picture"), "picture_size", None)
        if size:
            self.instance.picture_width, self.instance.picture_height = size
        return cleaned


class GuaranteeNoticeAdmin(EditAdmin):
    """Admin for the notices, one for each language."""

    form = NoticeForm
    fields = ["language", "picture", "text"]
    list_display = ["__str__", "preview", "updated"]
    search_fields = ["text"]

    @admin.display(description=gettext_lazy("official picture"))
    def preview(self, notice: GuaranteeNotice) -> str:
        return format_html('<img src="{}" alt="" height="120">', notice.picture.url)
