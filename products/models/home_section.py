"""Sections of the home page."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.columns import Columns
from core.page_cache.shown_rows import ShownModel, ShownQuerySet
from core.shop.pictures import PICTURE, without_other_data
from products.images.mixin import ImageMixin
from products.models.category import Category
from products.models.product import Product

MAX_PRODUCTS = 24  # of one section
TALL_SIZE = ("tall_picture_width", "tall_picture_height")


class Promise(NamedTuple):
    """A promise of the shop, such as that returns are free."""

    title: str
    text: str


class HomeSection(ShownModel, ImageMixin):
    """A section of the home page. Without any rows, the page has the sections of `ecommerce.home_sections.USUAL`."""

    class Kind(models.TextChoices):
        PICTURE = "picture", _("large picture")
        STORY = "story", _("story")
        PROMISES = "promises", _("promises")
        CATEGORIES = "categories", _("categories")
        NEWEST = "newest", _("new products")
        MOST_BOUGHT = "most_bought", _("most bought products")
        PRODUCTS = "products", _("chosen products")

    columns = Columns(
        shown=(
            "kind", "title", "text", "category", "skus", "position", "is_shown", "starts", "ends", "image",
            "image_width", "image_height", "image_alt", "tall_picture", *TALL_SIZE,
        )
    )  # fmt: skip

    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    title = models.CharField(
        _("title"), max_length=100, blank=True, help_text=_("Empty: the usual heading of this kind, or none.")
    )
    text = models.TextField(
        _("text"), max_length=2000, blank=True,
        help_text=_("For promises: one in each line, with a colon after its title: “Free returns: for 30 days”."),
    )  # fmt: skip
    category = models.ForeignKey(
        Category, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("category"),
        help_text=_("Where the button leads, or the category whose newest products are shown."),
    )  # fmt: skip
    skus = models.TextField(
        _("product codes"), max_length=1000, blank=True,
        help_text=_("For chosen products: one code in each line, in the order of the page."),
    )  # fmt: skip
    tall_picture = models.ImageField(
        _("picture for phones"), **PICTURE, width_field=TALL_SIZE[0], height_field=TALL_SIZE[1],
        help_text=_("Taller than wide. Empty: the middle of the picture."),
    )  # fmt: skip
    tall_picture_width = models.PositiveIntegerField(null=True, editable=False)
    tall_picture_height = models.PositiveIntegerField(null=True, editable=False)
    position = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("Smaller numbers come first."))
    is_shown = models.BooleanField(_("shown"), default=True)
    starts = models.DateField(_("first day"), null=True, blank=True, help_text=_("Empty: from now on."))
    ends = models.DateField(_("last day"), null=True, blank=True, help_text=_("Empty: without an end."))

    objects = ShownQuerySet.as_manager()

    class Meta:
        verbose_name = _("section of the home page")
        verbose_name_plural = _("sections of the home page")
        ordering = ["position", "pk"]
        base_manager_name = "objects"

    def __str__(self) -> str:
        return self.title or str(self.get_kind_display())

    def clean(self) -> None:
        """Check what the kind needs, the dates and the product codes. Of a new picture, keep only the pixels."""
        picture: Any = self.tall_picture
        if picture and not picture._committed:
            self.tall_picture = without_other_data(picture.file)
        errors = dict(self._errors())
        if errors:
            raise ValidationError(errors)

    def _errors(self) -> Iterable[tuple[str, str]]:
        if self.starts and self.ends and self.ends < self.starts:
            yield "ends", gettext("The last day is before the first day.")
        if self.kind == self.Kind.PROMISES and not self.promises:
            yield "text", gettext("Enter at least one promise.")
        if self.kind == self.Kind.STORY and not self.text.strip():
            yield "text", gettext("Enter the story.")
        if self.kind == self.Kind.PRODUCTS and not self.product_codes and not self.category:
            yield "skus", gettext("Enter product codes, or choose a category.")
        if len(self.product_codes) > MAX_PRODUCTS:
            yield "skus", gettext("A section has at most %(most)d products.") % {"most": MAX_PRODUCTS}
        known = set(Product.objects.filter(sku__in=self.product_codes[:MAX_PRODUCTS]).values_list("sku", flat=True))
        if unknown := [code for code in self.product_codes[:MAX_PRODUCTS] if code not in known]:
            text = ngettext(
                "No product has this code: %(codes)s.", "No product has these codes: %(codes)s.", len(unknown)
            )
            yield "skus", text % {"codes": ", ".join(unknown)}

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row. The size of the tall picture is saved together with it."""
        if update_fields is not None and "tall_picture" in update_fields:
            update_fields = {*update_fields, *TALL_SIZE}
        super().save(*args, update_fields=update_fields, **kwargs)

    @property
    def image_stem(self) -> str:
        return "home"

    @property
    def alt(self) -> str:
        """The alternative text of the picture. It is empty if the picture only decorates the words next to it."""
        return self.image_alt

    @property
    def product_codes(self) -> list[str]:
        """The codes of the chosen products, in the order of the page and without repetitions."""
        return list(dict.fromkeys(code for line in self.skus.splitlines() if (code := line.strip())))

    @property
    def promises(self) -> list[Promise]:
        """The promises in the lines of the text. A line without a colon is only a title."""
        lines = [line.partition(":") for line in self.text.splitlines() if line.strip()]
        return [Promise(title.strip(), text.strip()) for title, _colon, text in lines]

    def is_shown_on(self, day: date) -> bool:
        """Return whether the page has this section on this day, in the shop's time zone."""
        return self.is_shown and (not self.starts or self.starts <= day) and (not self.ends or day <= self.ends)
