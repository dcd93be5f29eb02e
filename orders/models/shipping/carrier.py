"""Carriers that deliver shipments, and their tracking numbers."""

from urllib.parse import quote, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

NUMBER = "{number}"  # stands for the tracking number in a URL
MAX_TRACKING = 60  # characters of a tracking number
# Without control characters, and nothing that means something in HTML, in a URL or in the header of an email.
validate_tracking = RegexValidator(r"\A[A-Za-z0-9 ./-]*\Z", _("Use only letters, digits, spaces and - . / characters."))


def validate_tracking_pattern(pattern: str) -> None:
    """Raise ValidationError unless this is an https URL with {number} after its host."""
    text = _("Enter a URL that begins with https:// and contains {number} once, after the name of the website.")
    try:
        parts = urlsplit(pattern)
        host = parts.hostname or ""
    except ValueError:
        raise ValidationError(text) from None
    is_plain = pattern.isascii() and pattern.isprintable() and not set(pattern) & set(" \"'<>\\^`|")
    is_safe = parts.scheme == "https" and "." in host and "{" not in parts.netloc and "@" not in parts.netloc
    if not (is_plain and is_safe and pattern.count(NUMBER) == 1 and not set(pattern.replace(NUMBER, "")) & set("{}")):
        raise ValidationError(text)


class Carrier(models.Model):
    """A company that delivers shipments."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    tracking_pattern = models.CharField(
        _("tracking URL"),
        max_length=200,
        blank=True,
        validators=[validate_tracking_pattern],
        help_text=_(
            "Where shoppers follow a shipment, with {number} for the tracking number, such as "
            "https://track.example.com/?id={number}. Leave empty if the carrier has no such page."
        ),
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    active = models.BooleanField(_("active"), default=True, help_text=_("Can be chosen for new shipments."))

    class Meta:
        verbose_name = _("carrier")
        verbose_name_plural = _("carriers")
        ordering = ["position", "name", "pk"]

    def __str__(self) -> str:
        return self.name

    def tracking_url(self, number: str) -> str:
        """Return the page of the carrier about this tracking number, or an empty string if there is none."""
        return self.tracking_pattern.replace(NUMBER, quote(number, safe="")) if number else ""
