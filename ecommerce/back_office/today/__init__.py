"""Today's work: the numbers at the top of the home page.

Each source yields its lines for the lists that the member of staff may see. To add a number, add a source to SOURCES
and a row to `tests/test_back_office_home.py`.
"""

from collections.abc import Callable, Iterator

from django.http import HttpRequest

from ecommerce.back_office.today import emails, orders, products
from ecommerce.back_office.today.entry import Work

Source = Callable[[HttpRequest], Iterator[Work]]
# In the order of the page.
SOURCES: tuple[Source, ...] = (
    orders.to_ship, orders.attention, orders.withdrawals, orders.refunds, orders.disputes, emails.messages,
    emails.undelivered, products.stock,
)  # fmt: skip


def todays_work(request: HttpRequest) -> list[Work]:
    """Return the lines for this member of staff."""
    return [work for source in SOURCES for work in source(request)]
