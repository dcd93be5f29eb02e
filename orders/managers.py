"""Queryset for orders. Only this module accesses `order_ids` and `order_links` in the session."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q, Subquery, Value
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone

from billing.models import BillingProfile
from carts.models import Cart

if TYPE_CHECKING:
    from accounts.models import User
    from orders.models import Order

ORDERS_KEY = "order_ids"
LINKS_KEY = "order_links"
REMEMBERED = 20


class OrderQuerySet(models.QuerySet["Order"]):
    """Queryset methods that find, create and claim orders."""

    def placed(self) -> Self:
        """Return all orders that were placed, regardless of what happened to them later."""
        return self.exclude(status=self.model.Status.OPEN)

    def stale(self) -> Self:
        """Return placed orders that were not paid within settings.ORDER_HOLD_MINUTES."""
        limit = timezone.now() - timedelta(minutes=settings.ORDER_HOLD_MINUTES)
        return self.filter(status=self.model.Status.PLACED, placed_at__lt=limit)

    def of_visitor(self, request: HttpRequest) -> Self:
        """Return the orders that this visitor is allowed to see.

        These are the orders of the visitor's profile or account, those placed in this session, and those opened in
        this session with a link. Orders of an erased profile are never included.
        """
        profile = BillingProfile.objects.of_session(request)
        own = Q(order_id__in=request.session.get(ORDERS_KEY, []))
        for number, version in request.session.get(LINKS_KEY, {}).items():
            own |= Q(order_id=number, link_version=version)
        if request.user.is_authenticated:
            own |= Q(billing_profile__user=request.user) | Q(account=request.user)
        elif profile and profile.is_guest:
            own |= Q(billing_profile=profile)
        # A session can still list orders of a profile that was erased later.
        return self.filter(own, billing_profile__forgotten=None)

    def of_account(self, user: "User") -> Self:
        """Return the orders of this user's profile and the guest orders that the user claimed."""
        return self.filter(Q(billing_profile__user=user) | Q(account=user))

    def under_way(self) -> Self:
        """Return the orders for which money can still move.

        These are orders that are unpaid, being paid or being canceled, and orders with an unfinished refund.
        """
        moving = Q(payments__status__in=["new", "requires_action", "processing"])
        moving |= Q(payments__refunds__status__in=["requested", "pending"])
        moving |= Q(payments__refunds__status="failed", payments__refunds__is_mismatch=True)  # The money is still owed.
        unpaid = Q(status__in=[self.model.Status.PLACED, self.model.Status.CANCELING])
        return self.filter(unpaid | moving).distinct()

    def to_forget(self) -> Self:
        """Return finished orders that still contain personal data of an erased profile.

        Finished orders are shipped, refunded or canceled, or were paid longer ago than Order.DELIVERY.
        """
        awaits_shipping = Q(status=self.model.Status.PAID, paid_at__gt=timezone.now() - self.model.DELIVERY)
        erased = self.placed().filter(billing_profile__forgotten__isnull=False).exclude(email="")
        return erased.exclude(awaits_shipping).exclude(pk__in=self.model.objects.under_way().values("pk"))

    def get_or_create_for(self, billing_profile: BillingProfile, cart: Cart) -> tuple["Order", bool]:
        """Return the cart's only open order of this profile, and whether it was created.

        Creating an order deactivates other open orders of the cart. If another request has just placed the order,
        return the placed order.
        """
        order = self._open(billing_profile, cart)
        if order:
            return order, False
        if cart.billing_profile_id != billing_profile.pk:
            Cart.objects.filter(pk=cart.pk).update(billing_profile=billing_profile)
        try:
            with transaction.atomic():
                self.filter(cart=cart, status=self.model.Status.OPEN, active=True).update(active=False)
                return self.create(
                    billing_profile=billing_profile,
                    cart=cart,
                    email=billing_profile.email,
                    subtotal=cart.subtotal,
                    total=cart.total,
                    currency=settings.CURRENCY,
                    **self._last_addresses(billing_profile),
                ), True
        except IntegrityError:  # A parallel request of this visitor created or placed the order.
            live = self.filter(billing_profile=billing_profile, cart=cart, active=True).first()
            if live is None:
                raise
            return live, False

    def _last_addresses(self, billing_profile: BillingProfile) -> dict[str, Any]:
        """Return the address ids of the profile's last order so that shoppers enter them only once; {} if none."""
        addresses = self.filter(billing_profile=billing_profile, shipping_address__isnull=False).order_by("-pk")
        last: Any = addresses.values("shipping_address_id", "billing_address_id").first()
        return last or {}

    def _open(self, billing_profile: BillingProfile, cart: Cart) -> "Order | None":
        return (
            self.filter(billing_profile=billing_profile, cart=cart, status=self.model.Status.OPEN, active=True)
            .select_related("billing_profile", "shipping_address", "billing_address")
            .first()
        )

    def open_for_request(self, request: HttpRequest) -> "Order | None":
        """Return the open order for this visitor's cart, and create it if necessary.

        Return None if the cart is empty or the visitor has no billing profile.
        """
        cart = Cart.objects.from_request(request)
        profile, _created = BillingProfile.objects.get_or_create_from_request(request)
        if cart is None or profile is None or not cart.count_items():
            return None
        return self.get_or_create_for(profile, cart)[0]

    def follow(self, cart: Cart) -> None:
        """Copy the total of `cart` to its open order."""
        total = Subquery(Cart.objects.filter(pk=cart.pk).values("total"))
        self.filter(cart=cart, status=self.model.Status.OPEN, active=True).update(subtotal=total, total=total)

    def remember(self, request: HttpRequest, order: "Order") -> None:
        """Store in the session that it placed `order`, which gives it access from now on."""
        others = [number for number in request.session.get(ORDERS_KEY, []) if number != order.order_id]
        request.session[ORDERS_KEY] = [*others, order.order_id][-REMEMBERED:]

    def open_by_link(self, request: HttpRequest, order_id: str, version: int) -> None:
        """Store in the session that it opened the order with a link; this gives access until the link is revoked."""
        links = {number: old for number, old in request.session.get(LINKS_KEY, {}).items() if number != order_id}
        request.session[LINKS_KEY] = dict([*links.items(), (order_id, version)][-REMEMBERED:])

    def claimable(self, user: "User") -> Self:
        """Return paid guest orders with the user's email address that no account has claimed yet.

        Return no orders if the user's email address is not verified.
        """
        if not user.has_verified_email:
            return self.none()
        of_guests = self.filter(status__in=self.model.PAID_STATES, billing_profile__user=None, account=None)
        of_guests = of_guests.filter(billing_profile__forgotten=None)
        # Not iexact: PostgreSQL would compare in upper case, in which a dotless i equals an I, so that an email
        # address at another domain would match.
        return of_guests.alias(plain=Lower("email")).filter(plain=Lower(Value(user.email)))

    def claim(self, user: "User") -> int:
        """Give the user access to the claimable orders and return their number.

        Cards and postal addresses stay with the guest's profile.
        """
        return self.claimable(user).update(account=user)

    def last_of_session(self, request: HttpRequest) -> "Order | None":
        """Return the order that this session placed last, or None."""
        numbers = request.session.get(ORDERS_KEY, [])
        return self.filter(order_id=numbers[-1], billing_profile__forgotten=None).first() if numbers else None
