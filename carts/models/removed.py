"""What carts store about deleted products that were in them."""

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_REMOVED_PRODUCTS = 9  # titles that a cart keeps until its page names them


class RemovedProductsMixin(models.Model):
    """Mixin for carts: the titles of deleted products whose lines were removed, until the cart page has said so.

    They are in the database because staff delete products without a request of the visitor.
    """

    removed_products = models.TextField(_("deleted products"), blank=True, editable=False)  # one title a line

    class Meta:
        abstract = True

    def removed_titles(self) -> list[str]:
        """Return the titles of the deleted products, oldest first."""
        return self.removed_products.splitlines()

    def add_removed_products(self, titles: Iterable[str]) -> None:
        """Store that the lines of these products were removed. Call this with the cart locked."""
        added = [*self.removed_titles(), *(" ".join(title.split()) for title in titles)]
        self._replace_removed_products(added[-MAX_REMOVED_PRODUCTS:])

    def forget_removed_products(self) -> None:
        """Forget the titles. Change nothing if another one was added in the meantime; its message is still due."""
        self._replace_removed_products([])

    def _replace_removed_products(self, titles: list[str]) -> None:
        text = "\n".join(titles)
        if text != self.removed_products:
            rows = type(self)._default_manager.filter(pk=self.pk, removed_products=self.removed_products)
            rows.update(removed_products=text)
            self.removed_products = text
