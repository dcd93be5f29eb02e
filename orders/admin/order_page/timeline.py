"""The history of an order as a timeline: milestones, and the steps between them, which are folded."""

from itertools import groupby
from typing import NamedTuple

from orders.models import OrderEvent


class TimelinePart(NamedTuple):
    """Consecutive events. They are all milestones or all steps."""

    events: list[OrderEvent]
    is_folded: bool


def timeline_of(events: list[OrderEvent], is_unpaid: bool) -> list[TimelinePart]:
    """Return all events in their order, oldest first. While the order is unpaid, nothing is folded."""
    parts = groupby(events, key=lambda event: not event.is_milestone and not is_unpaid)
    return [TimelinePart(list(some), is_folded) for is_folded, some in parts]
