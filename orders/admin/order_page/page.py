"""The page of an order: what staff need to pack it, refund it and answer questions about it."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from billing.stripe_calls.dashboard import payment_url
from core.admin import ReadOnlyAdmin
from core.admin.lists import KEY
from orders.admin.erasure import ErasePersonMixin
from orders.admin.order_page import buttons, rows
from orders.admin.order_page.facts import OrderFacts
from orders.admin.order_page.timeline import timeline_of
from orders.bookkeeping.checksum import is_intact
from orders.models import Order
from orders.workflow.erasure import Person, user_of_profile
from orders.workflow.shipping.packing import label_address

# The sections, and links in them, that show rows of one model, which not all staff may see.
MODELS = {
    "items": "orders.view_orderitem",
    "payments": "orders.view_payment",
    "refunds": "orders.view_refund",
    "disputes": "orders.view_dispute",
    "shipments": "orders.view_shipment",
    "withdrawals": "orders.view_withdrawal",
    "notes": "orders.view_ordernote",
    "corrections": "orders.view_correction",
    "emails": "orders.view_mail",
    "timeline": "orders.view_orderevent",
    "product": "products.view_product",
}
# Whoever packs needs no amounts. Whoever refunds does.
MONEY = ("orders.view_payment", "orders.refund_order")


class OrderPageMixin(ErasePersonMixin, ReadOnlyAdmin):
    """Shows an order on a page of its own."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the order. Nothing can be posted to this page."""
        orders = self.get_queryset(request).select_related("billing_profile__user")
        order = orders.filter(pk=object_id).first() if KEY.fullmatch(object_id) else None
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request, order):
            raise PermissionDenied
        if order is None:
            redirect: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
            return redirect
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": order}
        context |= page_context(request, order) | self._erase_link_of(request, order) | (extra_context or {})
        return TemplateResponse(request, "orders/admin/order.html", context)

    def _erase_link_of(self, request: HttpRequest, order: Order) -> dict[str, Any]:
        """Return the link to the erasure page. Nothing but the account of the person is read for it."""
        is_erased = order.billing_profile.forgotten or not request.user.has_perm("accounts.erase_person")
        return self.erase_link(request, order, None if is_erased else Person(user_of_profile(order.billing_profile)))


def page_context(request: HttpRequest, order: Order) -> dict[str, Any]:
    """Return what the page shows to this member of staff."""
    facts = OrderFacts(order)
    allowed = {name for name, permission in MODELS.items() if request.user.has_perm(permission)}
    context: dict[str, Any] = {
        "title": _("Order %(number)s") % {"number": order.order_id},
        "order": order,
        "facts": facts,
        "may_see": dict.fromkeys(allowed, True) | {"money": any(request.user.has_perm(one) for one in MONEY)},
        "buttons": buttons.shown_buttons(buttons.MAIN, request, facts),
        "more_buttons": buttons.shown_buttons(buttons.MORE, request, facts),
        "alert_buttons": buttons.shown_buttons((buttons.ACKNOWLEDGE,), request, facts),
        "address": label_address(order.shipping_address_text, order.language),
        "may_print": request.user.has_perm(buttons.SHIP) and not facts.is_erased,
        "customer_url": rows.row_url(request, order.billing_profile),
    }
    sections: dict[str, Callable[[], dict[str, Any]]] = {
        "payments": lambda: {
            "payments": list(rows.payment_rows(facts.payments)),
            "stripe_url": payment_url(order.payment_intent_id),
        },
        "refunds": lambda: {"refunds": list(rows.refund_rows(request, facts))},
        "disputes": lambda: {"disputes": list(rows.dispute_rows(facts.disputes))},
        "emails": lambda: {
            "emails": list(rows.email_rows(request, facts.emails)),
            "resend": buttons.shown_buttons((buttons.RESEND,), request, facts),
        },
        "timeline": lambda: {"timeline": timeline_of(facts.events, order.is_unpaid)},
    }
    for name in allowed & sections.keys():
        context |= sections[name]()
    return context | (_money_context(order, facts, "items" in allowed) if context["may_see"]["money"] else {})


def _money_context(order: Order, facts: OrderFacts, has_items: bool) -> dict[str, Any]:
    items = [line.item for line in facts.lines] if has_items else []
    return {
        "quoted": rows.quoted_values(order),
        "lines_as_sold": [(item, rows.line_values(item, order.currency)) for item in items],
        "checksum_status": rows.STATUS_OF_CHECKSUM[is_intact(order)],
    }
