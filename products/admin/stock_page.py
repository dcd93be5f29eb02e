"""The page that shows and changes the stock of many products."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.http import urlencode
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.admin import DeletionAdmin, record_action
from core.admin.lists import KEY, MAX_SEARCH_LENGTH
from orders.models.holds import held_units
from products import search
from products.forms import ReasonForm, StockRowForm
from products.models import Product, StockMovement
from products.stock_changes import StockChange, change_stocks

PAGE_SIZE = 50
COLUMNS = ("title", "sku", "stock", "active")
SHOWN = {"all": gettext_lazy("All"), "low": gettext_lazy("Low stock"), "out": gettext_lazy("Sold out")}


class StockMixin(DeletionAdmin):
    """Shows the stock of all products, and changes it."""

    def get_urls(self) -> list[Any]:
        """Add the page below the list of products."""
        view = self.admin_site.admin_view(self.stock_view)
        return [path("stock/", view, name="products_product_stock"), *super().get_urls()]

    def stock_view(self, request: HttpRequest) -> HttpResponse:
        """Show a page of products, or save the rows that were filled in.

        If one of them cannot be saved, the rows of the form are shown again, with what was entered.
        """
        if not self.has_change_permission(request):
            raise PermissionDenied
        reason, forms = ReasonForm(), []
        if request.method == "POST":
            reason, forms = ReasonForm(request.POST), _submitted(request)
            if self._save(request, reason, [form for form in forms if form.is_filled]):
                return redirect(request.get_full_path())
        page = Paginator(_products(request), PAGE_SIZE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            **_links(request, page),
            "opts": self.opts,
            "title": _("Stock"),
            "reason": reason,
            "rows": _rows_again(forms) if forms else _rows(list(page)),
            "page": page,
            "is_again": bool(forms),
        }
        return render(request, "products/admin/stock.html", context)

    def _save(self, request: HttpRequest, reason: ReasonForm, filled: list[StockRowForm]) -> bool:
        """Change the stock of these rows. Return False if the form has to be shown again."""
        if not filled:
            messages.info(request, _("Nothing was entered, so nothing was changed."))
            return True
        valid = [form for form in filled if form.is_valid()]
        if reason.is_valid():
            rejected = self._change(request, reason.cleaned_data["reason"], valid)
            for form in valid:
                form.is_saved = form.product.pk not in rejected
                if not form.is_saved:
                    form.reject_as_outdated()
        else:
            messages.error(request, _("Nothing was saved: choose a reason."))
        if titles := [form.product.title for form in filled if form.errors]:
            text = _("Not saved: %(products)s. Check these rows.")
            messages.error(request, text % {"products": get_text_list(titles, _("and"))})
        return reason.is_valid() and not titles

    def _change(self, request: HttpRequest, reason: str, forms: list[StockRowForm]) -> set[int]:
        """Change the stock and record it. Return the ids of the products whose stock was another one than shown."""
        changes = [StockChange(form.product.pk, form.cleaned_data["shown"], form.difference) for form in forms]
        text = gettext_lazy("Stock: %(before)d → %(after)d. %(reason)s.")
        label = StockMovement.Reason(reason).label
        with transaction.atomic():
            outcome = change_stocks(changes, request.user.get_username(), reason)
            for product, change in outcome.changed:
                record_action(request, [product], text, before=change.shown, after=product.stock, reason=label)
        if count := len(outcome.changed):
            done = ngettext(
                "The stock of %(count)d product was changed.", "The stock of %(count)d products was changed.", count
            )
            self.report_done(request, done, count)
        return outcome.rejected


@dataclass
class Row:
    """A product of the page, the units that unpaid orders hold, and its form. Without one, the stock is unlimited."""

    product: Product
    held: int
    form: StockRowForm | None


def _products(request: HttpRequest) -> QuerySet[Product]:
    """Return the products that match the filter and the search text of the URL, by title."""
    rows = {"low": Product.objects.low_on_stock(), "out": Product.objects.filter(stock=0)}
    found: Any = rows.get(request.GET.get("show", ""), Product.objects.all())
    if text := request.GET.get("q", "").strip()[:MAX_SEARCH_LENGTH]:
        found = search.filter_by_text(found, text)
    return found.only(*COLUMNS).order_by("title", "pk")


def _submitted(request: HttpRequest) -> list[StockRowForm]:
    """Return the forms of the submitted rows, in their order. Say if one that was filled in no longer exists."""
    keys = [int(key) for key in dict.fromkeys(request.POST.getlist("row")[:PAGE_SIZE]) if KEY.fullmatch(key)]
    products = Product.objects.only(*COLUMNS).in_bulk(keys)
    forms = [StockRowForm(request.POST, product=products.get(key) or Product(pk=key)) for key in keys]
    if any(form.is_filled for form in forms if form.product.pk not in products):
        messages.error(request, _("A product was deleted while this page was open, so its row was not saved."))
    return [form for form in forms if form.product.pk in products]


def _rows(products: list[Product]) -> list[Row]:
    held = held_units() if products else {}
    return [
        Row(product, held.get(product.pk, 0), None if product.stock is None else StockRowForm(product=product))
        for product in products
    ]


def _rows_again(forms: list[StockRowForm]) -> list[Row]:
    """Return the rows of a submitted form with the stock of now. Rows that were not saved keep what was entered."""
    products = Product.objects.only(*COLUMNS).in_bulk([form.product.pk for form in forms])
    rows = _rows([products[form.product.pk] for form in forms if form.product.pk in products])
    entered = {form.product.pk: form for form in forms if form.is_filled and not form.is_saved}
    for row in rows:
        if form := entered.get(row.product.pk):
            row.form = form
            if form.is_outdated:
                form.show(row.product.stock)
    return rows


def _links(request: HttpRequest, page: Page) -> dict[str, Any]:
    """Return the filters, the search text, and the URLs of the neighboring pages."""
    chosen = request.GET.get("show", "")
    chosen = chosen if chosen in SHOWN else "all"
    text = request.GET.get("q", "").strip()[:MAX_SEARCH_LENGTH]
    query = {"show": chosen} if chosen != "all" else {}
    found = {"q": text} if text else {}
    filters = [
        (label, "?" + urlencode(({"show": name} if name != "all" else {}) | found), name == chosen)
        for name, label in SHOWN.items()
    ]
    urls = {
        name: "?" + urlencode(query | found | {"page": getattr(page, f"{name}_page_number")()})
        for name in ("previous", "next")
        if getattr(page, f"has_{name}")()
    }
    return {"filters": filters, "chosen": chosen, "text": text, "urls": urls}
