"""Tests that every list action shows what it is going to do before it does it, and that it does nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from core.admin.confirmed_actions import MAX_ROWS
from core.models import Page, PageText
from core.pages.publishing import publish
from orders.models import Order, Refund
from products.models import Product
from tests.admin_forms import confirm, confirmation, run_action
from tests.makers import make_paid_order, make_product, make_user
from tests.test_admin_lists import LISTS, make_placed_order, make_refund
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
PRODUCTS, ORDERS, PAGES = "/admin/products/product/", "/admin/orders/order/", "/admin/core/page/"
# These actions redirect to a page that prints, or that asks for the tracking numbers before it ships.
REDIRECTED = {"orders_order.print_slips", "orders_order.print_notes", "orders_order.ship_orders"}


def make_orders_row(**values: Any) -> None:
    Order.objects.filter(pk=make_paid_order().pk).update(**values)


def make_failed_mismatch_refund() -> None:
    make_refund(1)
    Refund.objects.update(is_mismatch=True, status=Refund.Status.FAILED)


# Rows that the action would change. All other actions get a row of LISTS.
ROWS: dict[str, Callable[[], object]] = {
    "products_product.publish": lambda: make_product(active=False),
    "core_page.unpublish": lambda: publish(Page.objects.create(kind="plain", slug="page", title="Page")),
    "orders_order.cancel_unpaid": lambda: make_placed_order(1),
    "orders_order.cancel_missing_intent": lambda: make_placed_order(1),
    "orders_order.settle": lambda: make_orders_row(payment_intent_id="pi_1"),
    "orders_order.acknowledge_alerts": lambda: make_orders_row(attention="Look at this"),
    "orders_order.ship_orders": make_paid_order,
    "orders_order.print_slips": make_paid_order,
    "orders_order.print_notes": make_paid_order,
    "orders_refund.retry_mismatch_refund": make_failed_mismatch_refund,
}


def all_actions() -> list[str]:
    """Return the list and the name of each action that a superuser has."""
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True)
    return [
        f"{model._meta.label_lower.replace('.', '_')}.{action}"
        for model, model_admin in admin.site._registry.items()
        for action in model_admin.get_actions(request)
    ]


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def staff_with(*codenames: str) -> Client:
    """Return a client of a member of staff with these permissions."""
    user = make_user("clerk@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def press(staff: Client, url: str, action: str, *rows: Any, **data: Any) -> Any:
    """Choose an action of a list and press Go."""
    return staff.post(url, {"action": action, "_selected_action": [row.pk for row in rows]} | data, follow=True)


@pytest.mark.parametrize("key", all_actions())
def test_action_shows_a_page_before_it_changes_anything(boss: Client, key: str) -> None:
    """Fail for an action that acts at once. Make it a `confirmed_action`."""
    name, _dot, action = key.partition(".")
    model = apps.get_model(name.replace("_", ".", 1))
    make_row = LISTS.get(name) or (lambda number: model._default_manager.create())
    ROWS[key]() if key in ROWS else make_row(1)
    row = model._default_manager.order_by("-pk")[0]
    url, data = reverse(f"admin:{name}_changelist"), {"action": action, "_selected_action": [row.pk]}
    boss.get(url)
    with count_queries() as queries:
        response = boss.post(url, data)
    writes = [sql for sql in queries if not sql.startswith(("SELECT", "(SELECT")) and "django_session" not in sql]
    assert writes == []
    assert response.status_code == (302 if key in REDIRECTED else 200)
    assert key in REDIRECTED or "<form" in response.text.partition('id="content"')[2]


def test_page_names_what_changes_and_what_is_left_out_and_why(boss: Client) -> None:
    sold, hidden = make_product(title="Oak stool"), make_product(title="Jug", active=False)
    page = press(boss, PRODUCTS, "unpublish", sold, hidden).text
    content = " ".join(page.partition('id="content"')[2].split())
    assert "Shoppers can no longer find or buy these products." in content
    assert "<li><strong>Oak stool</strong></li>" in content
    assert "<li><strong>Jug</strong>: It is not for sale now.</li>" in content
    assert Product.objects.filter(active=True).get() == sold


def test_page_has_no_button_if_nothing_changes(boss: Client) -> None:
    page = press(boss, PRODUCTS, "publish", make_product()).text
    assert "None of the selected rows can be changed by this action." in page
    assert 'name="confirm"' not in page


def test_confirmed_action_changes_the_rows_of_the_page(boss: Client) -> None:
    stool, jug, other = make_product(), make_product(), make_product()
    assert "2 products are not for sale now." in run_action(boss, PRODUCTS, "unpublish", stool, jug).text
    assert Product.objects.get(active=True) == other


def test_confirmed_action_returns_to_the_filtered_list(boss: Client) -> None:
    url = f"{PRODUCTS}?active__exact=1"
    page = run_action(boss, url, "unpublish", make_product())
    assert page.redirect_chain == [(url, 302)]


def test_row_that_a_colleague_changed_first_is_left_out_and_named(boss: Client) -> None:
    stool, jug = make_product(title="Oak stool"), make_product()
    page = press(boss, f"{PRODUCTS}?active__exact=1", "unpublish", stool, jug)
    Product.objects.filter(pk=stool.pk).update(active=False)
    done = confirm(boss, f"{PRODUCTS}?active__exact=1", page)
    assert "Left out: Oak stool. It is not for sale now." in done.text
    assert list(LogEntry.objects.values_list("object_repr", flat=True)) == [str(jug)]


def test_row_that_was_deleted_meanwhile_is_counted(boss: Client) -> None:
    jug = make_product()
    page = press(boss, PRODUCTS, "unpublish", jug)
    Product.objects.all().delete()
    assert "1 selected row no longer exists." in confirm(boss, PRODUCTS, page).text


def test_second_press_changes_nothing(boss: Client) -> None:
    jug = make_product()
    page = press(boss, PRODUCTS, "unpublish", jug)
    for _time in range(2):
        confirm(boss, PRODUCTS, page)
    assert LogEntry.objects.count() == 1


def test_newer_alert_is_not_acknowledged_unread(boss: Client) -> None:
    order = make_paid_order(attention="A dispute was opened.")
    page = press(boss, ORDERS, "acknowledge_alerts", order)
    assert "A dispute was opened." in page.text
    Order.objects.update(attention="A refund failed.")
    done = confirm(boss, ORDERS, page)
    assert f"Left out: {order}. It has changed since the page was shown." in done.text
    assert Order.objects.get().attention == "A refund failed."


def test_draft_that_was_changed_meanwhile_is_not_published(boss: Client) -> None:
    page = Page.objects.create(kind="plain", slug="page", title="Page", draft="First text.")
    shown = press(boss, PAGES, "publish", page)
    Page.objects.update(draft="Second text.")
    assert "It has changed since the page was shown." in confirm(boss, PAGES, shown).text
    assert not PageText.objects.exists()


def test_more_rows_than_the_limit_are_rejected(boss: Client) -> None:
    Product.objects.bulk_create(
        Product(sku=f"S-{number}", slug=f"s-{number}", title="Mug", price=1) for number in range(MAX_ROWS + 1)
    )
    rows, text = list(Product.objects.all()), f"Select at most {MAX_ROWS} rows at once. Nothing was changed."
    assert text in press(boss, PRODUCTS, "unpublish", *rows).text
    assert text in press(boss, PRODUCTS, "unpublish", rows[0], select_across="1").text
    assert text in press(boss, PRODUCTS, "unpublish", *rows, confirm="Yes").text
    assert not Product.objects.filter(active=False).exists()
    assert 'name="confirm"' in press(boss, PRODUCTS, "unpublish", *rows[1:]).text


def test_whole_list_means_its_rows_when_the_page_was_shown(boss: Client) -> None:
    jug = make_product()
    page = press(boss, PRODUCTS, "unpublish", jug, select_across="1")
    make_product()
    confirm(boss, PRODUCTS, page, select_across="1")
    assert Product.objects.get(active=False) == jug


def test_staff_without_the_permission_cannot_confirm(boss: Client) -> None:
    jug = make_product()
    data = confirmation(press(boss, PRODUCTS, "unpublish", jug))
    staff_with("view_product", "delete_product").post(PRODUCTS, data)
    assert Product.objects.get().active


@pytest.mark.parametrize("key", ["abc", "9" * 40, "-1", "0", "9" * 18, "1 OR 1=1", "٣"])
def test_hostile_keys_change_nothing(boss: Client, key: str) -> None:
    make_product()
    for extra in ({}, {"confirm": "Yes"}):
        response = boss.post(PRODUCTS, {"action": "unpublish", "_selected_action": [key]} | extra, follow=True)
        assert response.status_code == 200
    assert Product.objects.get().active
