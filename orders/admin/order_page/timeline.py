"""The history of an order as a timeline: milestones, and the steps between them, which are folded."""

from itertools import groupby
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orders.models import OrderEvent

Kind = OrderEvent.Kind
# The labels of the model speak to the shopper.
FOR_STAFF: dict[str, Promise] = {
    Kind.NEEDS_ACTION: _("The bank asked the shopper to confirm"),
    Kind.REFUND_FAILED: _("The refund failed"),
    Kind.MISMATCH: _("A payment that does not match this order arrived and is being refunded"),
    Kind.ALERTED: _("Staff were asked to check this order"),
    Kind.ACKNOWLEDGED: _("Staff checked this order"),
    Kind.CORRECTED: _("Staff corrected this order"),
}


class TimelineEvent(NamedTuple):
    """An event and its label for staff."""

    event: OrderEvent
    label: str | Promise


class TimelinePart(NamedTuple):
    """Consecutive events. They are all milestones or all steps."""

    events: list[TimelineEvent]
    is_folded: bool


def timeline_of(events: list[OrderEvent], is_unpaid: bool) -> list[TimelinePart]:
    """Return all events in their order, oldest first. While the order is unpaid, nothing is folded."""
    parts = groupby(events, key=lambda event: not event.is_milestone and not is_unpaid)
    return [TimelinePart([_for_staff(event) for event in some], is_folded) for is_folded, some in parts]


def _for_staff(event: OrderEvent) -> TimelineEvent:
    return TimelineEvent(event, FOR_STAFF.get(event.kind, str(event)))
