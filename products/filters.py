"""Filter form of the product list: search text, category, price, stock and order. It is sent by GET."""

import re
from copy import copy
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.forms import PlainForm
from core.money import format_money
from core.rendering.page_urls import page_url
from products.models import Category, ProductQuerySet
from products.models.category import CategoryTree
from products.search import MAX_TEXT_LENGTH

THOUSANDS_SEPARATOR = r"[.,'’\s]"  # The thousands separator depends on the language.
PRICE = re.compile(rf"(\d{{1,3}}(?:{THOUSANDS_SEPARATOR}\d{{3}})+|\d+)(?:[.,](\d{{1,2}}))?")
SORTS = {
    "best": gettext_lazy("Best match"),
    "newest": gettext_lazy("Newest first"),
    "price": gettext_lazy("Price, low to high"),
    "-price": gettext_lazy("Price, high to low"),
    "bought": gettext_lazy("Most bought"),
}


PARAMETERS = ("q", "exact", "category", "price_from", "price_to", "in_stock", "sort")


def clean_parameters(values: dict[str, str]) -> dict[str, str]:
    """Return the parameters of a list with one spelling for the values that the form understands in the same way.

    Values that change nothing become empty: an unknown or the usual order, page 1, and `exact` without a search.
    """
    text = " ".join(values.get("q", "").strip()[:MAX_TEXT_LENGTH].split())
    flags = {name: "1" if values.get(name, "").lower() not in ("", "false") else "" for name in ("exact", "in_stock")}
    sort, usual = values.get("sort", "").strip(), "best" if text else "newest"
    has_order = sort in SORTS and sort != usual and (text or sort != "best")
    prices = {name: values.get(name, "").strip() for name in ("price_from", "price_to")}
    changes = {"q": text, "exact": flags["exact"] if text else "", "sort": sort if has_order else ""}
    return values | flags | prices | changes | {"page": _clean_page(values.get("page", ""))}


def _clean_page(number: str) -> str:
    try:
        return str(int(number)) if int(number) != 1 else ""
    except ValueError:  # "last", or a page that does not exist
        return number


class PriceField(forms.DecimalField):
    """A price in the notation of any language.

    A URL contains the price as it was entered, and a visitor with another language can open the URL.
    """

    widget = forms.TextInput

    def to_python(self, value: Any) -> Any:
        """Return the price as a Decimal, or None if it is empty. Raise ValidationError if it is not a price."""
        price = PRICE.fullmatch(str(value or "").strip())
        return super().to_python(f"{re.sub(THOUSANDS_SEPARATOR, '', price[1])}.{price[2] or 0}" if price else value)


def price_field(label: Any) -> PriceField:
    """Return an optional field for a price, with the limits of the price column."""
    message = gettext_lazy("Please enter prices as numbers, for example 20 or 12.50.")
    codes = ["invalid", "min_value", "max_digits", "max_decimal_places", "max_whole_digits"]
    return PriceField(
        label=label, required=False, min_value=0, max_digits=10, decimal_places=2,
        error_messages=dict.fromkeys(codes, message),
    )  # fmt: skip


class FilterForm(PlainForm):
    """Form for the filters in a query string.

    An invalid price filters nothing and is reported as a form error. Other unknown values are ignored.
    """

    q = forms.CharField(required=False)
    exact = forms.BooleanField(required=False)  # Whether to search for the words as typed, without correction.
    category = forms.CharField(required=False)
    price_from = price_field(gettext_lazy("Price from"))
    price_to = price_field(gettext_lazy("Price to"))
    in_stock = forms.BooleanField(label=gettext_lazy("In stock only"), required=False)
    sort = forms.CharField(label=gettext_lazy("Sort by"), required=False)

    is_filtered = True  # whether the query string may have filters, apart from a category

    def __init__(self, data: QueryDict, tree: CategoryTree) -> None:
        super().__init__(data)
        self.full_clean()
        self._read(tree)

    @classmethod
    def for_query(cls, data: QueryDict, tree: CategoryTree) -> "FilterForm":
        """Return the form for this query string.

        Without filters, except for a category, validation always has the same result, so it is done only once.
        """
        if any(name in data for name in cls.base_fields if name != "category"):
            return cls(data, tree)
        form = copy(_valid_form())
        form.data, form.is_filtered = data, False
        form.cleaned_data = form.cleaned_data | {"category": data.get("category", "").strip()}
        form._read(tree)
        return form

    def _read(self, tree: CategoryTree) -> None:
        """Set the attributes for the page from the cleaned data."""
        self.tree = tree
        self.text = " ".join(self.cleaned_data.get("q", "")[:MAX_TEXT_LENGTH].split())
        self.selected_category = tree.find(self.cleaned_data.get("category", ""))
        self.sorts = {name: label for name, label in SORTS.items() if self.text or name != "best"}
        sort = self.cleaned_data.get("sort", "")
        self.order = sort if sort in self.sorts else next(iter(self.sorts))

    def price_range(self) -> tuple[Decimal | None, Decimal | None]:
        """Return the price limits, the lower one first even if they were entered the other way round.

        Return None for a limit that is missing or invalid.
        """
        low, high = self.cleaned_data.get("price_from"), self.cleaned_data.get("price_to")
        return (high, low) if low is not None and high is not None and high < low else (low, high)

    def apply(self, products: ProductQuerySet) -> ProductQuerySet:
        """Return the cards that match the filters, in the chosen order. For a search, return the variants that match.

        The result is unordered for "best", because the search ranks its matches itself.
        """
        low, high = self.price_range()
        in_stock = bool(self.cleaned_data.get("in_stock"))
        if self.text:
            products = products.priced_between(low, high)
            products = products.available() if in_stock else products
        else:
            products = products.listed()
            products = products.with_variant(low, high, in_stock) if self.is_filtered else products
        if self.selected_category:
            products = products.filter(category__in=self.tree.subtree_ids(self.selected_category))
        if self.order == "best":
            return products.order_by()
        orders = {
            "price": products.cheapest_first,
            "-price": products.most_expensive_first,
            "bought": products.most_bought_first,
        }
        return orders.get(self.order, products.newest_first)()

    def active_filters(self) -> list[tuple[str, str]]:
        """Return a label for each active filter, with the query string that removes the filter."""
        low, high = (price is not None and format_money(price, settings.CURRENCY) for price in self.price_range())
        both = low and high
        filters = [
            (_("“%(text)s”") % {"text": self.text} if self.text else "", ["q", "exact"]),
            (self.selected_category.title if self.selected_category else "", ["category"]),
            (f"{low} – {high}" if both else "", ["price_from", "price_to"]),
            (_("From %(price)s") % {"price": low} if low and not both else "", ["price_from"]),
            (_("Up to %(price)s") % {"price": high} if high and not both else "", ["price_to"]),
            (_("In stock") if self.cleaned_data.get("in_stock") else "", ["in_stock"]),
        ]
        return [(label, self._query_without(names)) for label, names in filters if label]

    def _query_without(self, names: list[str]) -> str:
        return urlencode({name: value for name, value in self.parameters if name not in names})

    @cached_property
    def parameters(self) -> list[tuple[str, str]]:
        """Return the names and values in the query string that are not empty, without the page number."""
        return [(name, str(self.data[name])) for name in self.cleaned_data if self.data.get(name)]

    def other_parameters(self) -> list[tuple[str, str]]:
        """Return the parameters that a form for the order must keep."""
        return [(name, value) for name, value in self.parameters if name != "sort"]

    def url_of_category(self, category: Category | None) -> str:
        """Return the URL of this list with another category, or with all categories for None."""
        if not self.is_filtered:
            return category.get_absolute_url() if category else page_url("products:list")
        query = [part for part in (self._query_of_all, f"category={category.slug}" if category else "") if part]
        return f"{page_url('products:list')}{'?' if query else ''}{'&'.join(query)}"

    @cached_property
    def _query_of_all(self) -> str:
        return self._query_without(["category"])


@cache
def _valid_form() -> FilterForm:
    """Return a form without filters, to copy."""
    form = FilterForm(QueryDict(), CategoryTree([]))
    list(form)  # so that the copies share its bound fields
    return form
