"""Browser tests without JavaScript: how many clicks the frequent tasks of staff take, as docs/staff.md describes them.

A click is a link, a button, a tick or a choice. Moving the cursor into a field to type counts as well, unless the page
puts it there.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.staff.roles import ROLES
from orders.models import Mail, Order, Shipment
from tests.makers import PASSWORD, make_correctable_order, make_paid_order, make_product, make_user

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
HOME = "/admin/"


class Staff:
    """A member of staff in a browser without JavaScript, whose clicks are counted."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.clicks = 0

    def open(self, url: str) -> None:
        """Open the page on which a task begins. That is not counted."""
        self.page.goto(url)
        self.clicks = 0

    def open_order(self, order: Order) -> None:
        self.open(f"/admin/orders/order/{order.pk}/change/")

    def click(self, role: str, name: str, exact: bool = True) -> None:
        self.page.get_by_role(role, name=name, exact=exact).first.click()
        self.clicks += 1

    def type_into(self, label: str, text: str) -> None:
        """Type into a field, after a click into it if the page does not put the cursor there."""
        field = self.page.get_by_label(label, exact=True)
        field.wait_for()
        if not field.evaluate("field => field === document.activeElement"):
            field.click()
            self.clicks += 1
        field.fill(text)

    def wait_for(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()
