"""The orders that a URL names, for pages that an action of the list opens."""

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.admin.confirmed_actions import MAX_ROWS
from core.admin.lists import KEY
from orders.models import Order


class Selection(NamedTuple):
    """The placed orders that a URL names, in its order, and a sentence about those that do not exist."""

    orders: list[Order]
    missing: str


def selection_query(orders: Iterable[Order]) -> str:
    """Return the part of a URL that names these orders."""
    return f"ids={','.join(str(order.pk) for order in orders)}"


def read_selection(request: HttpRequest) -> Selection | None:
    """Return the orders that the URL names. Return None, with a message, if it names none or too many."""
    keys = list(dict.fromkeys(key for key in request.GET.get("ids", "").split(",") if key))
    if not keys or len(keys) > MAX_ROWS:
        messages.error(request, _("Select between 1 and %(count)d orders.") % {"count": MAX_ROWS})
        return None
    known = [int(key) for key in keys if KEY.fullmatch(key)]
    rows = Order.objects.placed().prefetch_related("items", "withdrawals", "shipments").in_bulk(known)
    orders = [rows[key] for key in dict.fromkeys(known) if key in rows]
    count = len(keys) - len(orders)
    text = ngettext("%(count)d order was not found.", "%(count)d orders were not found.", count)
    return Selection(orders, text % {"count": count} if count else "")
