"""Finds and makes orders for a request; the only module that knows the session's `order_ids` and `order_links`."""

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
    """Finds and makes orders; the only place that reads and writes the session's `order_ids` and `order_links`."""

    def placed(self) -> Self:
        """All that a shopper has ordered, whatever became of it."""
        return self.exclude(status=self.model.Status.OPEN)

    def stale(self) -> Self:
        """Placed, and not paid within settings.ORDER_HOLD_MINUTES."""
        limit = timezone.now() - timedelta(minutes=settings.ORDER_HOLD_MINUTES)
        return self.filter(status=self.model.Status.PLACED, placed_at__lt=limit)

    def of_visitor(self, request: HttpRequest) -> Self:
        """The orders this visitor may see: of the own profile or account, placed here, or opened here by their link."""
        profile = BillingProfile.objects.of_session(request)
        own = Q(order_id__in=request.session.get(ORDERS_KEY, []))
        for number, version in request.session.get(LINKS_KEY, {}).items():
            own |= Q(order_id=number, link_version=version)
        if request.user.is_authenticated:
            own |= Q(billing_profile__user=request.user) | Q(account=request.user)
        elif profile and profile.is_guest:
            own |= Q(billing_profile=profile)
        return self.filter(own, billing_profile__forgotten=None)  # else it is nobody's, whatever a session says

    def of_account(self, user: "User") -> Self:
        """Of this user's own profile, and those taken over from guests."""
        return self.filter(Q(billing_profile__user=user) | Q(account=user))

    def under_way(self) -> Self:
        """Those that money may still move for: unpaid, being paid or cancelled, or with a refund that is not done."""
        moving = Q(payments__status__in=["new", "requires_action", "processing"])
        moving |= Q(payments__refunds__status__in=["requested", "pending"])
        moving |= Q(payments__refunds__status="failed", payments__refunds__is_mismatch=True)  # still owed
        unpaid = Q(status__in=[self.model.Status.PLACED, self.model.Status.CANCELING])
        return self.filter(unpaid | moving).distinct()

    def to_forget(self) -> Self:
        """Still with the name of somebody who left, and done with: sent, given back, cancelled, or paid long ago."""
        is_waited_for = Q(status=self.model.Status.PAID, paid_at__gt=timezone.now() - self.model.DELIVERY)
        left = self.placed().filter(billing_profile__forgotten__isnull=False).exclude(email="")
        return left.exclude(is_waited_for).exclude(pk__in=self.model.objects.under_way().values("pk"))

    def get_or_create_for(self, billing_profile: BillingProfile, cart: Cart) -> tuple["Order", bool]:
        """The cart's single open order of this profile, else a new one (others that are open end).

        Where another request placed the order a moment ago, the placed one.
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
        except IntegrityError:  # a parallel request of this visitor made one, or placed it
            live = self.filter(billing_profile=billing_profile, cart=cart, active=True).first()
            if live is None:
                raise
            return live, False

    def _last_addresses(self, billing_profile: BillingProfile) -> dict[str, Any]:
        """Those of the profile's last order: nobody is asked twice where to send things."""
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
        """The order behind this visitor's cart, made if need be; None without a filled cart or a profile."""
        cart = Cart.objects.from_request(request)
        profile, _created = BillingProfile.objects.get_or_create_from_request(request)
        if cart is None or profile is None or not cart.count_items():
            return None
        return self.get_or_create_for(profile, cart)[0]

    def follow(self, cart: Cart) -> None:
        """The open order of `cart` takes over its totals."""
        total = Subquery(Cart.objects.filter(pk=cart.pk).values("total"))
        self.filter(cart=cart, status=self.model.Status.OPEN, active=True).update(subtotal=total, total=total)

    def remember(self, request: HttpRequest, order: "Order") -> None:
        """This session placed `order` and may see it from now on."""
        others = [number for number in request.session.get(ORDERS_KEY, []) if number != order.order_id]
        request.session[ORDERS_KEY] = [*others, order.order_id][-REMEMBERED:]

    def open_by_link(self, request: HttpRequest, order_id: str, version: int) -> None:
        """This session read the order's mail and may see it from now on, while the link is not revoked."""
        links = {number: old for number, old in request.session.get(LINKS_KEY, {}).items() if number != order_id}
        request.session[LINKS_KEY] = dict([*links.items(), (order_id, version)][-REMEMBERED:])

    def claimable(self, user: "User") -> Self:
        """What guests paid for with the user's e-mail, once that is verified, and nobody took over yet."""
        if not user.has_verified_email:
            return self.none()
        of_guests = self.filter(status__in=self.model.PAID_STATES, billing_profile__user=None, account=None)
        of_guests = of_guests.filter(billing_profile__forgotten=None)
        # Not iexact: it compares in capitals on PostgreSQL, where a dotless i is an I, and of another domain.
        return of_guests.alias(plain=Lower("email")).filter(plain=Lower(Value(user.email)))

    def claim(self, user: "User") -> int:
        """Those become the user's to see; cards and addresses stay with the guest's profile. The number of orders."""
        return self.claimable(user).update(account=user)

    def last_of_session(self, request: HttpRequest) -> "Order | None":
        """The order this session placed last."""
        numbers = request.session.get(ORDERS_KEY, [])
        return self.filter(order_id=numbers[-1], billing_profile__forgotten=None).first() if numbers else None
