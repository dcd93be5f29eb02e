"""The row about the shop: the seller's facts that the law asks for, and the names and texts of its pages."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar

from babel import Locale
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import get_language, gettext, to_locale
from django.utils.translation import gettext_lazy as _

from core.columns import Columns
from core.page_cache.row_changes import RowChange
from core.page_cache.shown_rows import ShownModel, ShownQuerySet, moves_versions
from core.page_cache.versions import SITE
from core.shop.pictures import PICTURE, without_other_data
from core.shop.vat_ids import clean_vat_id

ONLY = 1  # the primary key of the only row
PICTURES = ("logo", "home_picture")
PICTURE_SIZE = ("home_picture_width", "home_picture_height")
LINES = ("packaging_number", "battery_number", "electrical_number")
POSTCODE_LAST = {"AU", "CA", "GB", "IE", "IN", "NZ", "US"}  # countries that write it after the town


class ShopQuerySet(ShownQuerySet["Shop"]):
    """A queryset of the shop. All its columns are on pages, so every write moves the version of all pages."""


class Shop(ShownModel):
    """The shop, its seller and whether it is open. There is at most one row."""

    class Disputes(models.TextChoices):
        """Whether the seller takes part in dispute resolution before a consumer arbitration body."""

        NOT_STATED = "", _("not stated")
        TAKES_PART = "takes_part", _("takes part")
        REFUSES = "refuses", _("does not take part")
        NOT_REQUIRED = "not_required", _("does not have to say (up to ten employees)")

    columns = Columns(
        shown=(
            "is_open", "name", "logo", "announcement", "tagline", "description", "home_title", "home_text",
            "home_picture", "home_picture_width", "home_picture_height", "dispatch_days", "sender_name",
            "support_hours", "legal_name", "legal_form", "street", "postcode", "city", "country", "email", "phone",
            "register", "register_number", "vat_id", "responsible_person", "disputes", "disputes_text",
            "packaging_number", "battery_number", "electrical_number", "other_lines",
        )
    )  # fmt: skip

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    is_open = models.BooleanField(
        _("open"), default=True,
        help_text=_("While the shop is closed, visitors see neither products nor the checkout. Staff see all of it."),
    )  # fmt: skip
    # What pages and emails call the shop
    name = models.CharField(_("display name"), max_length=100, help_text=_("The name on all pages and in emails."))
    logo = models.ImageField(_("logo"), **PICTURE, help_text=_("At the top of all pages. PNG, JPEG or WebP."))
    announcement = models.CharField(
        _("announcement"), max_length=150, blank=True,
        help_text=_("One line above the header of all pages, such as a day without deliveries."),
    )  # fmt: skip
    tagline = models.CharField(_("tagline"), max_length=150, blank=True, help_text=_("In one line, on every page."))
    description = models.CharField(
        _("description for search engines"), max_length=200, blank=True,
        help_text=_("One sentence about what the shop sells. Empty: the tagline."),
    )  # fmt: skip
    home_title = models.CharField(
        _("heading of the home page"), max_length=100, blank=True, help_text=_("Empty: the display name.")
    )
    home_text = models.CharField(
        _("text of the home page"), max_length=300, blank=True, help_text=_("Empty: the tagline.")
    )
    home_picture = models.ImageField(
        _("picture of the home page"), **PICTURE, width_field="home_picture_width", height_field="home_picture_height",
        help_text=_("Also shown where pages are shared. PNG, JPEG or WebP."),
    )  # fmt: skip
    home_picture_width = models.PositiveIntegerField(null=True, editable=False)
    home_picture_height = models.PositiveIntegerField(null=True, editable=False)
    dispatch_days = models.PositiveSmallIntegerField(
        _("days until orders are shipped"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("Product pages say it. Empty: they say only that the product is in stock."),
    )  # fmt: skip
    sender_name = models.CharField(
        _("name of the sender of emails"), max_length=100, blank=True, help_text=_("Empty: the display name.")
    )
    support_hours = models.CharField(
        _("support hours"),
        max_length=150,
        blank=True,
        help_text=_("For phone calls, for example Mon–Fri 9–17."),
    )
    # Who sells
    legal_name = models.CharField(
        _("legal name"), max_length=150, blank=True, help_text=_("The person or company that sells, with first name.")
    )
    legal_form = models.CharField(
        _("legal form"), max_length=80, blank=True, help_text=_("For example GmbH, Ltd, or sole trader.")
    )
    street = models.CharField(_("street and number"), max_length=150, blank=True, help_text=_("No post office box."))
    postcode = models.CharField(_("postcode"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    country = models.CharField(
        _("country"), max_length=2, blank=True, help_text=_("The code of two letters, for example DE.")
    )
    email = models.EmailField(_("email address"), help_text=_("Shown on all pages. Answers to emails go there."))
    phone = models.CharField(_("phone number"), max_length=40, blank=True)
    register = models.CharField(
        _("register"), max_length=100, blank=True, help_text=_("With its court, for example Amtsgericht Bremen.")
    )
    register_number = models.CharField(_("number in the register"), max_length=50, blank=True)
    vat_id = models.CharField(
        _("VAT identification number"), max_length=20, blank=True, help_text=_("For example DE123456789.")
    )
    responsible_person = models.CharField(
        _("responsible person"), max_length=150, blank=True,
        help_text=_("Who represents the company, and who answers for the contents of the pages."),
    )  # fmt: skip
    disputes = models.CharField(
        _("dispute resolution"), max_length=12, blank=True, default=Disputes.NOT_STATED, choices=Disputes,
        help_text=_("Before a consumer arbitration body."),
    )  # fmt: skip
    disputes_text = models.TextField(
        _("about dispute resolution"), max_length=1000, blank=True,
        help_text=_("If it takes part: the name, postal address and website of the body."),
    )  # fmt: skip
    packaging_number = models.CharField(_("packaging register number"), max_length=50, blank=True)
    battery_number = models.CharField(_("battery register number"), max_length=50, blank=True)
    electrical_number = models.CharField(_("electrical equipment register number"), max_length=50, blank=True)
    other_lines = models.TextField(
        _("further lines"), max_length=1000, blank=True, help_text=_("Shown in the imprint as they are.")
    )

    objects: ClassVar[Any] = ShopQuerySet.as_manager()

    class Meta:
        verbose_name = _("shop")
        verbose_name_plural = _("shop")
        base_manager_name = "objects"
        default_permissions = ("change", "view")
        constraints = [models.CheckConstraint(condition=models.Q(id=ONLY), name="only_one_shop")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Check the VAT identification number and the country, and bring both into one spelling.

        Of new pictures, keep only the pixels.
        """
        errors: dict[str, str] = {}
        for name in PICTURES:
            picture = getattr(self, name)
            if picture and not picture._committed:
                setattr(self, name, without_other_data(picture.file))
        self.country = self.country.strip().upper()
        if self.country and self.country not in _country_names("en"):
            errors["country"] = gettext("Enter the code of a country in two letters, for example DE.")
        try:
            self.vat_id = clean_vat_id(self.vat_id) if self.vat_id else ""
        except ValueError:
            errors["vat_id"] = gettext("Enter a VAT identification number with its country, for example DE123456789.")
        if errors:
            raise ValidationError(errors)

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row. The size of the picture is saved together with it."""
        if update_fields is not None and "home_picture" in update_fields:
            update_fields = {*update_fields, *PICTURE_SIZE}
        super().save(*args, update_fields=update_fields, **kwargs)

    @property
    def about(self) -> str:
        """The description for search engines."""
        return self.description or self.tagline or self.name

    @property
    def shared_picture(self) -> Any:
        """The picture that is shown where a page without a picture of its own is shared, if there is one."""
        return self.home_picture or self.logo

    @property
    def sender(self) -> str:
        """The name in the From header of emails."""
        return self.sender_name or self.name

    @property
    def seller(self) -> str:
        """The legal name and form of the seller, or the display name while there is none."""
        form = self.legal_form if self.legal_form and self.legal_form not in self.legal_name else ""
        return ", ".join(filter(None, [self.legal_name or self.name, form]))

    @property
    def phone_url(self) -> str:
        """The URL that calls the phone number, with its digits only."""
        return "tel:" + re.sub(r"[^0-9+]", "", self.phone)

    @property
    def country_name(self) -> str:
        """The name of the country in the active language."""
        return _country_names(to_locale(get_language() or "en")).get(self.country, self.country)

    @property
    def address_lines(self) -> list[str]:
        """The lines of the postal address, without empty ones."""
        town = [self.city, self.postcode] if self.country in POSTCODE_LAST else [self.postcode, self.city]
        return [line for line in (self.street, " ".join(filter(None, town)), self.country_name) if line]

    @property
    def address(self) -> str:
        """The postal address in one line."""
        return ", ".join(self.address_lines)

    @property
    def register_entry(self) -> str:
        """The register with the number in it."""
        return ", ".join(filter(None, [self.register, self.register_number]))

    @property
    def registrations(self) -> list[tuple[str, str]]:
        """The names and numbers of further registers, such as that of packaging."""
        values = [(str(self._meta.get_field(name).verbose_name), getattr(self, name)) for name in LINES]  # type: ignore[union-attr]
        return [(label, value) for label, value in values if value]


@moves_versions(Shop)
def names_of_shop(changes: list[RowChange]) -> set[str]:
    """Name the whole site, because every page shows the shop."""
    return {SITE}


@cache
def _country_names(locale: str) -> dict[str, str]:
    return {code: name for code, name in Locale.parse(locale).territories.items() if len(code) == 2 and code.isalpha()}
