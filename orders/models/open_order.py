"""The open order of a cart. Only one order of a cart is live, and the cart is locked before it is created."""

from datetime import timedelta
from functools import cache
from typing import Any, Self

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.http import HttpRequest
from django.utils import timezone

from addresses.models import Address
from billing.models import BillingProfile
from carts.models import Cart, CartItem
from carts.optional_details import OPTIONAL_DETAILS
from core.database.prepared import PreparedQuery, PreparedUpdate, update_row
from orders.models.visitor import Row, VisitorQuerySet

NOT_BOUGHT = ("open", "canceled")
AGAIN_WITHIN = timedelta(days=1)
LIVE: PreparedQuery[Any] = PreparedQuery(
    lambda cart: (
        apps.get_model("orders.Order")
        .objects.filter(cart=cart, active=True)
        .select_related("billing_profile", "shipping_address", "billing_address")
        .order_by("pk")
    ),
    cart=int,
)
PAYABLE: PreparedQuery[Any] = PreparedQuery(
    lambda billing_profile: (
        apps.get_model("orders.Order")
        .objects.to_pay()
        .filter(billing_profile=billing_profile, status="open")
        .order_by("-pk")
        .values("order_id")
    ),
    billing_profile=int,
)


@cache
def _active_cart(*columns: str) -> PreparedUpdate:
    """Return the update of these columns of a cart that is active."""
    return PreparedUpdate(lambda cart: Cart.objects.filter(pk=cart, active=True), *columns, cart=int)


class OpenOrderQuerySet(VisitorQuerySet[Row]):
    """The part of the order queryset that finds and creates the open order of a cart."""

    def get_or_create_for(
        self, billing_profile: BillingProfile, cart: Cart, known: Row | None = None
    ) -> tuple[Row, bool]:
        """Return the cart's only open order of this profile, and whether it was created.

        Creating an order deactivates other open orders of the cart. If another request has just placed the order,
        return the placed order. `known` is the live order of the cart if the caller has read it.
        """
        order: Any = known or self.live_of(cart)
        if order and order.status == "open" and order.billing_profile_id == billing_profile.pk:
            return order, False
        with transaction.atomic():
            live = self._lock_live(billing_profile, cart)
            return (live, False) if live else (self._create(billing_profile, cart, self._last(billing_profile)), True)

    def save_details(
        self,
        billing_profile: BillingProfile,
        cart: Cart,
        shipping_address: Address,
        billing_address: Address,
        optional: dict[str, str],
    ) -> Row:
        """Set the details of the cart's open order, which is created if necessary, and return the order.

        `optional` contains the optional details. The shipping address becomes the destination on the cart page. If
        another request has just placed the order, return it unchanged. Call this in a transaction.
        """
        place = {"country": shipping_address.country, "region": shipping_address.state}
        order = self._lock_live(billing_profile, cart, **place, updated=timezone.now())
        details = {"shipping_address_id": shipping_address.pk, "billing_address_id": billing_address.pk, **optional}
        if order is None:
            return self._create(billing_profile, cart, details)
        self.filter(pk=order.pk, status="open").update(**details)
        return order

    def open_for_request(self, request: HttpRequest) -> Row | None:
        """Return the open order for this visitor's cart, and create it if necessary.

        Return None if the cart is empty or the visitor has no billing profile.
        """
        cart = Cart.objects.from_request(request)
        profile, _created = BillingProfile.objects.get_or_create_from_request(request)
        if cart is None or profile is None or not cart.count_items():
            return None
        return self.get_or_create_for(profile, cart)[0]

    def payable_number(self, billing_profile: BillingProfile) -> str:
        """Return the number of the profile's open order that has items and postal addresses, or an empty string."""
        ready: Any = PAYABLE.first(billing_profile=billing_profile.pk)
        return str(ready["order_id"]) if ready else ""

    def to_pay(self, number: str = "") -> Self:
        """Return the orders that can be paid now or after placing them, or only the one with this number."""
        is_complete = Q(shipping_address__isnull=False, billing_address__isnull=False)
        has_items = Exists(CartItem.objects.filter(cart=OuterRef("cart")))
        orders = self.filter(Q(has_items, is_complete, status="open", active=True) | Q(status="placed"))
        return orders.filter(order_id=number) if number else orders

    def copy_totals(self, cart: Cart) -> None:
        """Copy the total of `cart` to its open order."""
        total = Subquery(Cart.objects.filter(pk=cart.pk).values("total"))
        self.filter(cart=cart, status="open", active=True).update(subtotal=total, total=total)

    def _lock_live(self, billing_profile: BillingProfile, cart: Cart, **changes: Any) -> Row | None:
        """Lock the cart, give it to this profile, and return its order to use, or None if one has to be created.

        `changes` are stored in a cart that is still active. The open order of another profile is deactivated. A placed
        order stays, because it has just closed the cart.
        """
        # An update instead of a read: it locks the row on both databases.
        written = {"billing_profile": billing_profile} | changes
        if not _active_cart(*written).run(written, cart=cart.pk):
            update_row(Cart, cart.pk, billing_profile=billing_profile)
        live: Any = self.live_of(cart)
        if live and live.status == "open" and live.billing_profile_id != billing_profile.pk:
            self.filter(pk=live.pk, status="open").update(active=False)
            return None
        return live  # type: ignore[no-any-return]

    def live_of(self, cart: Cart) -> Row | None:
        """Return the live order of the cart, open or just placed, or None."""
        return LIVE.first(cart=cart.pk)

    def _create(self, billing_profile: BillingProfile, cart: Cart, details: dict[str, Any]) -> Row:
        return self.create(
            billing_profile=billing_profile, cart=cart, email=billing_profile.email, subtotal=cart.subtotal,
            total=cart.total, currency=settings.CURRENCY, **details,
        )  # fmt: skip

    def _last(self, billing_profile: BillingProfile) -> dict[str, Any]:
        """Return the details of the profile's last order so that shoppers enter them only once; {} if none.

        The optional details belong to one purchase: they are those of an order that was not bought a short time ago.
        """
        orders = self.filter(billing_profile=billing_profile, shipping_address__isnull=False).order_by("-pk")
        last: Any = orders.values(
            "shipping_address_id", "billing_address_id", "status", "timestamp", *OPTIONAL_DETAILS
        ).first()
        if last is None:
            return {}
        is_again = last["status"] in NOT_BOUGHT and last["timestamp"] > timezone.now() - AGAIN_WITHIN
        names = ["shipping_address_id", "billing_address_id", *(OPTIONAL_DETAILS if is_again else ())]
        return {name: last[name] for name in names}
