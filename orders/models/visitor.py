"""Access of a visitor to orders. Only this module reads and writes `order_ids` and `order_links` in the session."""

from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.http import HttpRequest

from billing.models import BillingProfile

ORDERS_KEY = "order_ids"
LINKS_KEY = "order_links"
MAX_SESSION_ORDERS = 20  # The number of orders and of links that a session keeps.
Row = TypeVar("Row", bound=models.Model)


class VisitorQuerySet(models.QuerySet[Row]):
    """The part of the order queryset that reads and writes the session."""

    def for_visitor(self, request: HttpRequest) -> Self:
        """Return the orders that this visitor is allowed to see, never those of an erased profile.

        They belong to the visitor's profile or account, or were placed or opened with a link in this session.
        """
        profile = BillingProfile.objects.for_session(request)
        own = Q(order_id__in=request.session.get(ORDERS_KEY, []))
        for number, version in request.session.get(LINKS_KEY, {}).items():
            own |= Q(order_id=number, link_version=version)
        if request.user.is_authenticated:
            own |= Q(billing_profile__user=request.user) | Q(account=request.user)
        elif profile and profile.is_guest:
            own |= Q(billing_profile=profile)
        # A session can still list orders of a profile that was erased later.
        return self.filter(own, billing_profile__forgotten=None)

    def remember(self, request: HttpRequest, order: Any) -> None:
        """Record in the session that `order` was placed in it, so that the visitor keeps access to the order."""
        others = [number for number in request.session.get(ORDERS_KEY, []) if number != order.order_id]
        request.session[ORDERS_KEY] = [*others, order.order_id][-MAX_SESSION_ORDERS:]

    def remember_link(self, request: HttpRequest, order_id: str, version: int) -> None:
        """Record in the session that the order was opened with a link. This gives access until the link is revoked."""
        links = {number: old for number, old in request.session.get(LINKS_KEY, {}).items() if number != order_id}
        request.session[LINKS_KEY] = dict([*links.items(), (order_id, version)][-MAX_SESSION_ORDERS:])

    def placed_in_session(self, request: HttpRequest) -> Self:
        """Return the orders that this session placed, never those of an erased profile.

        If there are none in the session, the result needs no query. The 400 page has no session.
        """
        session = getattr(request, "session", None)
        numbers = session.get(ORDERS_KEY, []) if session is not None else []
        return self.filter(order_id__in=numbers, billing_profile__forgotten=None)

    def last_for_session(self, request: HttpRequest) -> Row | None:
        """Return the order that this session placed last, or None."""
        numbers = request.session.get(ORDERS_KEY, [])
        return self.filter(order_id=numbers[-1], billing_profile__forgotten=None).first() if numbers else None
