"""Notes of staff about customers."""

from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_NOTE_LENGTH = 2000  # characters


class CustomerNote(models.Model):
    """A note of staff about an account or a guest. It belongs to a billing profile, and is erased with its person.

    It does not belong to an email address, because different guests can enter the same one.
    """

    billing_profile = models.ForeignKey(
        "billing.BillingProfile", models.CASCADE, related_name="notes", verbose_name=_("customer")
    )
    text = models.TextField(_("text"), max_length=MAX_NOTE_LENGTH)
    by = models.CharField(_("by"), max_length=254, blank=True)
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("note about a customer")
        verbose_name_plural = _("notes about customers")
        ordering = ["-pk"]
        default_permissions = ("add", "delete", "view")

    def __str__(self) -> str:
        return f"#{self.pk}"
