"""Access of a visitor to orders.

Only this module reads and writes `order_ids`, `order_links`, `held_order_ids` and `details_order_id` in the session.
"""

from typing import Any, Self, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.http import HttpRequest

from accounts import guest_session
from accounts.email_addresses import same_email
from accounts.models import User
from billing.models import BillingProfile
from core.database.prepared import PreparedQuery

ORDERS_KEY = "order_ids"
LINKS_KEY = "order_links"
HELD_KEY = "held_order_ids"  # unpaid orders of a guest whom the session has forgotten
DETAILS_KEY = "details_order_id"  # the open order for which this session's guest entered the details
MAX_SESSION_ORDERS = 20  # The number of orders and of links that a session keeps.
Row = TypeVar("Row", bound=models.Model)
BY_NUMBER: PreparedQuery[Any] = PreparedQuery(
    lambda number: apps.get_model("orders.Order").objects.filter(order_id=number, billing_profile__forgotten=None),
    number=str,
)
OF_GUEST: PreparedQuery[Any] = PreparedQuery(
    lambda guest, number: (
        apps.get_model("orders.Order")
        .objects.filter(billing_profile__in=BillingProfile.objects.filter(pk=guest, active=True, user=None))
        .filter(order_id=number, billing_profile__forgotten=None)
        .select_related("billing_profile")
    ),
    guest=int,
    number=str,
)


class VisitorQuerySet(models.QuerySet[Row]):
    """The part of the order queryset that reads and writes the session.

    `find_for_visitor` and `last_for_session` look at all orders, because their queries are prepared.
    """

    def for_visitor(self, request: HttpRequest) -> Self:
        """Return the orders that this visitor is allowed to see, never those of an erased profile.

        They belong to the visitor's profile or account, or were placed or opened with a link in this session. An unpaid
        order stays visible until it ends, even if the guest session is over.
        """
        guest = BillingProfile.objects.of_guest(request)
        own = Q(order_id__in=self._session_numbers(request))
        own |= Q(order_id__in=self.held_numbers(request)) & self._is_unpaid()
        for number, version in request.session.get(LINKS_KEY, {}).items():
            own |= Q(order_id=number, link_version=version)
        if request.user.is_authenticated:
            own |= Q(billing_profile__user=request.user) | Q(account=request.user)
        else:
            own |= Q(billing_profile__in=guest)
        # A session can still list orders of a profile that was erased later.
        return self.filter(own, billing_profile__forgotten=None)

    def find_for_visitor(self, request: HttpRequest, number: str) -> Row | None:
        """Return the order with this number, with its payer, if this visitor is allowed to see it, else None.

        Most orders that are looked for are those of the session's guest, so these are looked for first.
        """
        guest = None if request.user.is_authenticated else BillingProfile.objects.stored_id(request)
        own = OF_GUEST.first(guest=guest, number=number) if guest else None
        return own or self.for_visitor(request).select_related("billing_profile").filter(order_id=number).first()

    def remember(self, request: HttpRequest, order: Any) -> None:
        """Record in the session that `order` was placed in it, so that the visitor keeps access to the order."""
        guest_session.record_order(request)
        others = [number for number in request.session.get(ORDERS_KEY, []) if number != order.order_id]
        request.session[ORDERS_KEY] = [*others, order.order_id][-MAX_SESSION_ORDERS:]

    def remember_link(self, request: HttpRequest, order_id: str, version: int) -> None:
        """Record in the session that the order was opened with a link.

        This gives access until the link is revoked or the guest session is over.
        """
        guest_session.record_visit(request)
        links = {number: old for number, old in request.session.get(LINKS_KEY, {}).items() if number != order_id}
        request.session[LINKS_KEY] = dict([*links.items(), (order_id, version)][-MAX_SESSION_ORDERS:])

    def placed_in_session(self, request: HttpRequest) -> Self:
        """Return the orders that this session placed, never those of an erased profile."""
        return self.filter(order_id__in=self.numbers_in_session(request), billing_profile__forgotten=None)

    def numbers_in_session(self, request: HttpRequest) -> list[str]:
        """Return the numbers of the orders that were placed in this session, also if they are paid.

        There are at most MAX_SESSION_ORDERS. The 400 page has no session.
        """
        return self._session_numbers(request) if hasattr(request, "session") else []

    def last_for_session(self, request: HttpRequest) -> Row | None:
        """Return the order that this session placed last, or None."""
        numbers = self._session_numbers(request)
        return BY_NUMBER.first(number=numbers[-1]) if numbers else None

    def of_guest_session(self, request: HttpRequest) -> Self:
        """Return the orders that guests placed in this session, without those that were only opened with a link."""
        profile = BillingProfile.objects.for_session(request)
        numbers = [*self._session_numbers(request), *self.held_numbers(request)]
        return self.filter(Q(order_id__in=numbers) | Q(billing_profile=profile), billing_profile__user=None)

    def held_numbers(self, request: HttpRequest) -> list[str]:
        """Return the numbers of the orders that were unpaid when the session forgot their guest."""
        numbers: list[str] = request.session.get(HELD_KEY, [])
        return numbers

    def remember_details(self, request: HttpRequest, order: Any) -> None:
        """Record that this session's guest entered the details of this open order. Do nothing for a user."""
        if not request.user.is_authenticated:
            guest_session.record_change(request)
            request.session[DETAILS_KEY] = order.order_id

    def take_details_order(self, request: HttpRequest) -> Row | None:
        """Return the guest's open order for which details were entered in this session, once, or None."""
        number = request.session.pop(DETAILS_KEY, None)
        return self.filter(order_id=number, status="open", billing_profile__user=None).first() if number else None

    def forget_guest(self, request: HttpRequest) -> list[str]:
        """Remove the orders of guests from the session, except those that are not paid and not canceled yet.

        Return the numbers of the orders that stay for this reason.
        """
        numbers = [*request.session.get(ORDERS_KEY, []), *self.held_numbers(request)]
        for key in (ORDERS_KEY, LINKS_KEY, HELD_KEY, DETAILS_KEY):
            request.session.pop(key, None)
        if request.user.is_authenticated and numbers:
            mine = self.filter(order_id__in=numbers, billing_profile__user=request.user)
            own = set(mine.values_list("order_id", flat=True))
            request.session[ORDERS_KEY] = [number for number in numbers if number in own]
            numbers = [number for number in numbers if number not in own]
        unpaid = self.filter(self._is_unpaid(), order_id__in=numbers) if numbers else self.none()
        held = list(unpaid.values_list("order_id", flat=True)[:MAX_SESSION_ORDERS])
        if held:
            request.session[HELD_KEY] = held
        return held

    def forget_others(self, request: HttpRequest, user: User) -> None:
        """Remove the finished orders of guests with another email address from the session of a user who signs in.

        A different person can have used the browser before. Unpaid orders stay, so that their payment can be completed.
        """
        numbers, links = request.session.get(ORDERS_KEY, []), request.session.get(LINKS_KEY, {})
        if numbers or links:
            own = Q(same_email("email", user.email)) | Q(billing_profile__user=user) | Q(account=user)
            found = self.filter(own | self._is_unpaid(), order_id__in=[*numbers, *links])
            kept = set(found.values_list("order_id", flat=True))
            request.session[ORDERS_KEY] = [number for number in numbers if number in kept]
            request.session[LINKS_KEY] = {number: version for number, version in links.items() if number in kept}

    def _session_numbers(self, request: HttpRequest) -> list[str]:
        """Return the numbers of the orders that this session placed. A guest session that is over has none."""
        guest_session.end_if_over(request)
        numbers: list[str] = request.session.get(ORDERS_KEY, [])
        if (numbers or request.session.get(LINKS_KEY)) and not guest_session.is_dated(request):
            last: Any = self.filter(order_id__in=numbers[-1:]).values("placed_at").first()
            guest_session.is_current(request, since=last and last["placed_at"])
        return numbers if numbers and guest_session.is_dated(request) else []

    def _is_unpaid(self) -> Q:
        return Q(status__in=self.model.UNPAID_STATES)  # type: ignore[attr-defined]
