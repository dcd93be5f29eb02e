"""The list of orders: its columns, and the search."""

from collections import Counter
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.db.models import Exists, OuterRef, Prefetch, prefetch_related_objects
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from addresses.countries import country_name
from core.admin.lists import FilledFilter, ListAdmin
from core.money import format_money
from core.times import format_short
from orders.accounting.destinations import destination
from orders.models import Order, OrderItem, Shipment
from orders.search.engine import search_orders

SHOWN_LINES = 2
MAX_TITLE = 28  # characters of a title
SHIPMENTS = Shipment.objects.filter(order=OuterRef("pk"))
TO_SHIP = "to_ship"  # the parameter of the list of orders to ship
ITEMS = Prefetch("items", OrderItem.objects.only("order_id", "title", "quantity").order_by("pk"))


class OrderChangeList(ChangeList):
    """A list that reads the lines of the orders on its page. Actions get the orders without them."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the orders of this page with whether they have a shipment, and their lines in one more query."""
        self.queryset = self.queryset.annotate(has_shipment=Exists(SHIPMENTS))
        super().get_results(request)
        self.result_list = list(self.result_list)
        prefetch_related_objects(self.result_list, ITEMS)

    def get_ordering_field_columns(self) -> Any:
        """Return the sorted columns. The list of orders to ship is sorted by the time of payment, which has none."""
        return {} if self.params.get(TO_SHIP) and ORDER_VAR not in self.params else super().get_ordering_field_columns()


class ToShipFilter(admin.SimpleListFilter):
    """Filter for orders that are to be shipped. The list then begins with the one that has waited longest."""

    title = gettext_lazy("to ship")
    parameter_name = TO_SHIP

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.to_ship() if self.value() == "yes" else queryset


class OrderListMixin(ListAdmin):
    """The columns of the list of orders, and the search for them."""

    list_display: Any = ("order_id", "when", "buyer", "contents", "amount", "state")
    list_filter: ClassVar[Any] = (
        ToShipFilter, "status", ("attention", FilledFilter), "disputes__status", "placed_at", "paid_at",
    )  # fmt: skip
    search_fields = ("order_id",)  # Only for the field: `get_search_results` does not use it.
    search_help_text = gettext_lazy(
        "Number, email, name, postal address, SKU, title, total, last four digits of the card, tracking number or "
        "discount code."
    )
    change_list_template = "orders/admin/order_list.html"
    ordering = ("-placed_at", "-pk")
    list_per_page = 50
    show_full_result_count = False

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Search in the words of the orders, also without accents and with ae, oe and ue for umlauts."""
        text = search_term.replace("\0", "").strip()
        return (search_orders(queryset, text) if text else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list. Link to the export for those who may use it."""
        link = reverse("admin:orders_order_export") if request.user.has_perm("orders.export_order") else ""
        return super().changelist_view(request, {"export_url": link} | (extra_context or {}))

    def get_ordering(self, request: HttpRequest) -> Any:
        """Put the order that has waited longest first if the list shows what is to be shipped."""
        return ("paid_at", "pk") if request.GET.get(TO_SHIP) == "yes" else self.ordering

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OrderChangeList

    @admin.display(description=gettext_lazy("placed"), ordering="placed_at")
    def when(self, order: Order) -> str:
        return format_short(order.placed_at) if order.placed_at else "-"

    @admin.display(description=gettext_lazy("buyer"))
    def buyer(self, order: Order) -> SafeString:
        """Return the first line of the billing address, which is the name in most countries, and the destination."""
        name = next(iter(order.billing_address_text.splitlines()), "") or order.email
        code = destination(order)
        return format_html('{} <span class="country" title="{}">{}</span>', name, country_name(code), code)

    @admin.display(description=gettext_lazy("items"))
    def contents(self, order: Order) -> str:
        """Return the number of units and the first titles, for example "3: Mug, 2 × Pendant".

        Variants with the same short title are counted together.
        """
        units = Counter[str]()
        for line in order.items.all():
            units[_short_title(line)] += line.quantity
        texts = [title if number == 1 else f"{number} × {title}" for title, number in units.items()]
        if len(texts) == 1:
            return texts[0]
        shown = texts[:SHOWN_LINES]
        if len(texts) > SHOWN_LINES:
            shown.append(_("%(count)d more") % {"count": len(texts) - SHOWN_LINES})
        return f"{units.total()}: {', '.join(shown)}" if texts else "-"

    @admin.display(description=gettext_lazy("total"), ordering="total")
    def amount(self, order: Order) -> str:
        return format_money(order.total, order.currency) if order.currency else str(order.total)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, order: Order) -> str | SafeString:
        """Return the status, whether a paid order is partly shipped, and a mark if the order needs attention."""
        status = order.get_status_display()
        if order.status == Order.Status.PAID and getattr(order, "has_shipment", False):
            status = _("%(status)s, partly shipped") % {"status": status}
        if not order.attention:
            return status
        return format_html('{} <strong class="attention" title="{}">{}</strong>', status, order.attention, _("Check"))


def _short_title(line: OrderItem) -> str:
    """Return the title up to its first comma, which often begins a variant."""
    return Truncator(line.title.partition(",")[0]).chars(MAX_TITLE)
