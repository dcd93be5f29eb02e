"""Additional pictures of a product."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.columns import Columns
from core.page_cache.shown_rows import ShownModel, ShownQuerySet
from products.images.mixin import ImageMixin
from products.models.product import Product


class Picture(ShownModel, ImageMixin):
    """An additional picture of a product, such as another side or the product in use.

    The main picture is the image of the product itself.
    """

    columns = Columns(shown=("product", "position", "image", "image_width", "image_height", "image_alt"))

    product = models.ForeignKey(Product, models.CASCADE, related_name="pictures", verbose_name=_("product"))
    position = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("Smaller numbers come first."))

    objects = ShownQuerySet.as_manager()

    class Meta:
        verbose_name = _("additional picture")
        verbose_name_plural = _("gallery")
        ordering = ["position", "pk"]
        base_manager_name = "objects"

    def __str__(self) -> str:
        return self.alt

    @property
    def image_stem(self) -> str:
        return self.product.slug

    @property
    def alt(self) -> str:
        """The alternative text of the picture."""
        return self.image_alt or _("%(title)s, another view") % {"title": self.product.title}
