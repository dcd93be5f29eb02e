"""Admin for orders. Amounts are read-only."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.admin.actions.batch_shipping import BatchShippingMixin
from orders.admin.actions.corrections import CorrectionsMixin
from orders.admin.actions.list_actions import ListActionsMixin
from orders.admin.actions.notes import NotesMixin
from orders.admin.actions.refunding import RefundMixin
from orders.admin.actions.resending import ResendMixin
from orders.admin.actions.slips import SlipsMixin
from orders.admin.export import ExportMixin
from orders.admin.order_list import OrderListMixin
from orders.admin.order_page.page import OrderPageMixin
from orders.admin.order_page.steps import StepsMixin
from orders.models import Order
from orders.workflow.erasure import Person, person_of_order


@admin.register(Order)
class OrderAdmin(
    ExportMixin, CorrectionsMixin, ResendMixin, NotesMixin, BatchShippingMixin, SlipsMixin, RefundMixin, StepsMixin,
    ListActionsMixin, OrderListMixin, OrderPageMixin,
):  # fmt: skip
    """Placed orders. Staff cannot edit them, only run actions on them."""

    actions = [
        "print_slips", "print_notes", "ship_orders", "cancel_unpaid", "cancel_missing_intent", "settle",
        "acknowledge_alerts", "revoke_links",
    ]  # fmt: skip

    def get_person(self, obj: Order) -> Person | None:
        """Return the account or the guest who placed the order."""
        return person_of_order(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """Return placed orders only. Open orders are shown as carts."""
        return super().get_queryset(request).exclude(status=Order.Status.OPEN)
