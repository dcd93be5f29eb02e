"""The model for notes of staff."""

from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_NOTE = 2000  # characters


class OrderNote(models.Model):
    """A note of staff about an order. The shopper never sees it, except in the export of their personal data."""

    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="notes", verbose_name=_("order"))
    text = models.TextField(_("note"), max_length=MAX_NOTE, blank=True)  # empty after an erasure
    by = models.CharField(_("by"), max_length=254, blank=True)
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"#{self.pk}"
