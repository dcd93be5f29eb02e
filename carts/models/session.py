"""The cart in the session. Only this module reads and writes `cart_id` and `cart_items`."""

from typing import Any

from django.http import HttpRequest

CART_KEY, COUNT_KEY = "cart_id", "cart_items"


class CartSession:
    """The part of the cart manager that reads and writes the session."""

    def stored_id(self, request: HttpRequest) -> int | None:
        """Return the id of the cart in the session, or None."""
        pk: int | None = request.session.get(CART_KEY)
        return pk

    def item_count(self, request: HttpRequest) -> int:
        """Return the item count for the badge in the navigation bar. It is read from the session, without a query."""
        session = getattr(request, "session", None)
        return int(session.get(COUNT_KEY, 0)) if session is not None else 0

    def quantity_of(self, product_id: int, request: HttpRequest) -> int:
        """Return the quantity of a product in the cart of the session, or 0. It is read once for a request.

        Without a cart in the session, this needs no query.
        """
        pk = self.stored_id(request)
        known = self._known_quantities(request)
        if pk and product_id not in known:
            carts: Any = self  # the manager
            lines = carts.filter(pk=pk, active=True, items__product=product_id)
            known[product_id] = lines.values_list("items__quantity", flat=True).order_by().first() or 0
        return known.get(product_id, 0)

    def remember_quantity(self, product: Any, request: HttpRequest) -> None:
        """Remember for this request that `with_quantities` has read the quantity of this product."""
        self._known_quantities(request)[product.pk] = product.in_cart or 0

    def _known_quantities(self, request: HttpRequest) -> dict[int, int]:
        known: dict[int, int] = request.__dict__.setdefault("quantities_in_cart", {})
        return known

    def remember(self, request: HttpRequest, cart: Any) -> None:
        """Store the id and the item count of the cart in the session, unless the session already has this cart."""
        if request.session.get(CART_KEY) != cart.pk:
            self.store(request, cart)

    def store(self, request: HttpRequest, cart: Any, count: int | None = None) -> None:
        """Store the id and the item count of the cart in the session. Without `count`, read the current one."""
        request.session[CART_KEY] = cart.pk
        request.session[COUNT_KEY] = cart.count_items() if count is None else count

    def store_item_count(self, request: HttpRequest, count: int) -> None:
        """Store the item count for the badge in the session."""
        if request.session.get(COUNT_KEY, 0) != count:
            request.session[COUNT_KEY] = count

    def forget(self, request: HttpRequest, cart_id: int | None) -> None:
        """Remove this cart from the session. A different cart, started in a second tab, stays."""
        if request.session.get(CART_KEY) == cart_id:
            request.session.pop(CART_KEY, None)
            request.session.pop(COUNT_KEY, None)
