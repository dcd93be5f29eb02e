"""The list of customers: accounts, and email addresses of guests with orders."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import BillingProfile
from core.admin.lists import ListAdmin
from core.money import format_money
from core.times import format_short
from orders.customers.people import Summary, customers, summaries
from orders.customers.search import search_customers


class KindFilter(admin.SimpleListFilter):
    """List filter of customers: accounts or guests."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices of the filter."""
        return [("account", _("Accounts")), ("guest", _("Guests"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the customers of the chosen kind."""
        kinds = {"account": False, "guest": True}
        is_guest = kinds.get(self.value() or "")
        return queryset if is_guest is None else queryset.filter(user__isnull=is_guest)


class CustomerChangeList(ChangeList):
    """A list with one row for each customer, the latest activity first. What they bought is one more query."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Return one profile for each customer. All other profiles only have a page."""
        self.root_queryset = customers()
        return super().get_queryset(request, exclude_parameters)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the order that staff chose, or the latest activity first."""
        if self.params.get(ORDER_VAR):
            return list(super().get_ordering(request, queryset))
        return ["-newest_activity", "-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """Read the customers of this page, and what they bought."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        found = summaries(self.result_list)
        for row in self.result_list:
            row.summary = found[row.pk]


class CustomerListMixin(ListAdmin):
    """The columns of the list of customers, and the search for them."""

    list_display: Any = ("who", "kind", "order_count", "last", "spent")
    list_filter: ClassVar[Any] = (KindFilter,)
    search_fields = ("email",)  # Only for the field: `get_search_results` does not use it.
    change_list_template = "orders/admin/customers/list.html"
    search_help_text = gettext_lazy("Email, name, or what is in one of their orders: number, postal address, title.")
    list_per_page = 50
    show_full_result_count = False
    actions = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CustomerChangeList

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Search in email addresses, names and the words of orders, also without accents."""
        text = search_term.replace("\0", "").strip()
        return (search_customers(queryset, text) if text else queryset), False

    @admin.display(description=gettext_lazy("customer"), ordering="email")
    def who(self, profile: BillingProfile) -> str | SafeString:
        """Return the name of the account and the email address."""
        name = profile.user.name if profile.user else ""
        if not name:
            return profile.email or str(profile)
        return format_html('{} <span class="customer-email">{}</span>', name, profile.email)

    @admin.display(description=gettext_lazy("kind"))
    def kind(self, profile: BillingProfile) -> str:
        return _("Account") if profile.user_id else _("Guest")

    @admin.display(description=gettext_lazy("orders"))
    def order_count(self, profile: Any) -> int:
        summary: Summary = profile.summary
        return summary.orders

    @admin.display(description=gettext_lazy("last order"), ordering="newest_activity")
    def last(self, profile: Any) -> str:
        return format_short(profile.summary.last) if profile.summary.last else "-"

    @admin.display(description=gettext_lazy("spent"))
    def spent(self, profile: Any) -> str:
        return ", ".join(sums(profile.summary.spent)) or "-"


def sums(amounts: dict[str, Any]) -> list[str]:
    """Return the amounts with their currencies as text."""
    return [format_money(amount, currency) if currency else str(amount) for currency, amount in amounts.items()]
