"""What a shopper asks of the list: words, category, price, stock and order, in one form that is sent by GET."""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecommerce.forms import PlainForm
from ecommerce.money import format_money
from products.models import ProductQuerySet
from products.search import LONGEST_TEXT
from products.tree import Tree

GROUP = r"[.,'’\s]"  # what stands before three digits of a large number, depending on the language
PRICE = re.compile(rf"(\d{{1,3}}(?:{GROUP}\d{{3}})+|\d+)(?:[.,](\d{{1,2}}))?")
INDENT = "\u2003"  # an em space; browsers drop plain ones before an option
SORTS = {
    "best": gettext_lazy("Best match"),
    "newest": gettext_lazy("Newest first"),
    "price": gettext_lazy("Price, low to high"),
    "-price": gettext_lazy("Price, high to low"),
}


class PriceField(forms.DecimalField):
    """A price as any language writes it, for its address may be opened by somebody who speaks another."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> Any:
        """The price as a Decimal, None for nothing; ValidationError for what is none."""
        price = PRICE.fullmatch(str(value or "").strip())
        return super().to_python(f"{re.sub(GROUP, '', price[1])}.{price[2] or 0}" if price else value)


def price_field(label: Any) -> PriceField:
    """For a price no longer than the column of prices holds."""
    text = gettext_lazy("Please enter prices as numbers, for example 20 or 12.50.")
    codes = ["invalid", "min_value", "max_digits", "max_decimal_places", "max_whole_digits"]
    return PriceField(
        label=label, required=False, min_value=0, max_digits=10, decimal_places=2,
        error_messages=dict.fromkeys(codes, text),
    )  # fmt: skip


class FilterForm(PlainForm):
    """Takes whatever an address says. A price that is none narrows nothing, and is told about."""

    q = forms.CharField(required=False)
    category = forms.CharField(label=gettext_lazy("Category"), required=False)
    price_from = price_field(gettext_lazy("Price from"))
    price_to = price_field(gettext_lazy("Price to"))
    in_stock = forms.BooleanField(label=gettext_lazy("In stock only"), required=False)
    sort = forms.CharField(label=gettext_lazy("Sort by"), required=False)

    def __init__(self, data: QueryDict, tree: Tree) -> None:
        super().__init__(data)
        self.full_clean()
        self.tree = tree
        self.text = " ".join(self.cleaned_data.get("q", "")[:LONGEST_TEXT].split())
        self.shelf = tree.find(self.cleaned_data.get("category", ""))
        self.sorts = {name: label for name, label in SORTS.items() if self.text or name != "best"}
        wanted = self.cleaned_data.get("sort", "")
        self.order = wanted if wanted in self.sorts else next(iter(self.sorts))

    def shelves(self) -> list[tuple[str, str]]:
        """Every category's slug and title, those within another set in."""
        return [(category.slug, INDENT * depth + category.title) for category, depth in self.tree.walk()]

    def prices(self) -> tuple[Decimal | None, Decimal | None]:
        """From, to; the lower one first, whichever way round they were given."""
        low, high = self.cleaned_data.get("price_from"), self.cleaned_data.get("price_to")
        return (high, low) if low is not None and high is not None and high < low else (low, high)

    def narrow(self, products: ProductQuerySet) -> ProductQuerySet:
        """Those products that are asked for, in the order asked for; in none where the best match comes first."""
        products = products.priced(*self.prices())
        if self.shelf:
            products = products.filter(category__in=self.tree.branch(self.shelf))
        if self.cleaned_data.get("in_stock"):
            products = products.available()
        if self.order == "best":
            return products.order_by()
        orders = {"price": products.cheapest_first, "-price": products.dearest_first}
        return orders.get(self.order, products.newest_first)()

    def chosen(self) -> list[tuple[str, str]]:
        """What narrows the list, in words, each with the address's query without it."""
        low, high = (price is not None and format_money(price, settings.CURRENCY) for price in self.prices())
        both = low and high
        found = [
            (_("“%(text)s”") % {"text": self.text} if self.text else "", ["q"]),
            (self.shelf.title if self.shelf else "", ["category"]),
            (f"{low} – {high}" if both else "", ["price_from", "price_to"]),
            (_("From %(price)s") % {"price": low} if low and not both else "", ["price_from"]),
            (_("Up to %(price)s") % {"price": high} if high and not both else "", ["price_to"]),
            (_("In stock") if self.cleaned_data.get("in_stock") else "", ["in_stock"]),
        ]
        return [(label, self._query_without(names)) for label, names in found if label]

    def _query_without(self, names: list[str]) -> str:
        kept = [name for name in self.cleaned_data if name not in names and self.data.get(name)]
        return urlencode({name: self.data[name] for name in kept})
