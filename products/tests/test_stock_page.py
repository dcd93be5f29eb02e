"""Tests for the page on which staff change the stock of many products."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.staff.roles import make_roles
from orders.models import Order
from products.admin import stock_page
from products.models import Product, StockMovement
from tests.makers import make_open_order, make_paid_order, make_product, make_user
from tests.markup import parse_html
from tests.moved_versions import moved_versions
from tests.threads import run_in_threads
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
URL = "/admin/products/product/stock/"


def member(role: str, name: str = "") -> Client:
    """Return the client of a member of staff with this role."""
    make_roles()
    user = make_user(f"{name or role.lower()}@example.org", is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def anna() -> Client:
    return member("Catalogue", "anna")


def open_page(client: Client, **query: str) -> dict[str, Any]:
    """Return what the form of the page sends if nothing was entered, with a reason."""
    return read(client.get(URL, query))


def read(page: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"row": [], "reason": "delivery"}
    [form] = [one for one in parse_html(page.text).all("form") if one.attrs.get("class") == "stock-form"]
    for field in form.all("input"):
        name, value = field.attrs.get("name"), field.attrs.get("value", "")
        if name == "row":
            data["row"].append(value)
        elif name:
            data[name] = value
    return data


def entries(**values: Any) -> dict[str, str]:
    """Return the data for products, named like `set_to=(product, 5)`."""
    return {f"{product.pk}-{name}": str(value) for name, (product, value) in values.items()}


def stock_of(product: Product) -> int | None:
    return Product.objects.get(pk=product.pk).stock


def texts(page: Any) -> str:
    """Return the messages of a response."""
    return " ".join(str(message) for message in get_messages(page.wsgi_request))


def titles(page: Any) -> list[str]:
    return [row.product.title for row in page.context["rows"]]


# Saving


def test_one_request_saves_all_changed_rows(anna: Client) -> None:
    mug, jug, cup = (make_product(title=title, stock=10) for title in ("Mug", "Jug", "Cup"))
    data = open_page(anna) | entries(set_to=(mug, 4), change_by=(jug, 12))
    page = anna.post(URL, data)
    assert [stock_of(one) for one in (mug, jug, cup)] == [4, 22, 10]
    assert (page.status_code, page.url) == (302, URL)
    assert texts(page) == "The stock of 2 products was changed."


def test_each_change_is_a_movement_with_reason_and_author(anna: Client) -> None:
    mug = make_product(title="Mug", stock=10)
    anna.post(URL, open_page(anna) | entries(change_by=(mug, -3)) | {"reason": "loss"})
    movement = mug.movements.get(kind=StockMovement.Kind.ADJUSTED)
    assert (movement.amount, movement.reason, movement.by) == (-3, "loss", "anna@example.org")
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(mug.pk), "Stock: 10 → 7. Broken or lost.")


def movement_rows(client: Client) -> list[str]:
    """Return the texts of the rows in the list of stock movements, in its order."""
    page = parse_html(client.get(reverse("admin:products_stockmovement_changelist")).text)
    return [row.text for row in page.one("table", id="result_list").one("tbody").all("tr")]


def test_list_of_movements_shows_the_reason(anna: Client) -> None:
    make_product(stock=10).adjust_stock(2, "staff", "delivery")
    first = movement_rows(anna)[0]
    assert "Changed by staff Goods received +2" in first


def test_list_of_movements_says_that_a_stock_is_unlimited(anna: Client) -> None:
    make_product(stock=None).reserve(3, "ORDER1")
    assert "Reserved by an order - unlimited ORDER1" in movement_rows(anna)[0]


def test_list_of_movements_tells_returned_units_from_released_ones(anna: Client) -> None:
    mug = make_product(stock=10)
    mug.reserve(3, "ORDER1")
    mug.release("ORDER1", 1, by="ben", is_return=True)
    assert "Returned after a refund - +1 ORDER1 ben" in movement_rows(anna)[0]


def test_list_of_movements_has_the_newest_first_whatever_their_ids_are(anna: Client) -> None:
    mug = make_product(stock=10)
    for reason in ("loss", "count"):
        mug.adjust_stock(-1, "ben", reason)
    mug.movements.filter(reason="count").update(at=timezone.now() - timedelta(days=9))
    assert ["Broken or lost" in row for row in movement_rows(anna)] == [True, False, False]


def test_empty_form_changes_nothing(anna: Client) -> None:
    mug = make_product(stock=10)
    page = anna.post(URL, open_page(anna) | {"reason": ""})
    assert "Nothing was entered" in texts(page)
    assert (stock_of(mug), mug.movements.count()) == (10, 1)


def test_stock_that_is_set_to_itself_makes_no_movement(anna: Client) -> None:
    mug = make_product(stock=10)
    assert anna.post(URL, open_page(anna) | entries(set_to=(mug, 10))).status_code == 302
    assert mug.movements.count() == 1


def test_missing_reason_saves_nothing_and_keeps_what_was_entered(anna: Client) -> None:
    mug = make_product(stock=10)
    page = anna.post(URL, open_page(anna) | entries(set_to=(mug, 4)) | {"reason": ""})
    assert stock_of(mug) == 10
    again = read(page)
    assert "Nothing was saved: choose a reason." in page.text
    assert again[f"{mug.pk}-set_to"] == "4"
    anna.post(URL, again)
    assert stock_of(mug) == 4


# Two at the same time


@pytest.mark.parametrize("entered", [{"set_to": 50}, {"change_by": 5}])
def test_row_that_was_sold_meanwhile_is_rejected_by_name_and_the_others_are_saved(
    anna: Client, entered: dict[str, int]
) -> None:
    mug, jug = make_product(title="Mug", stock=10), make_product(title="Jug", stock=10)
    [(field, value)] = entered.items()
    data = open_page(anna) | {f"{mug.pk}-{field}": str(value), f"{jug.pk}-change_by": "1"}
    mug.reserve(3, "ORDER1")
    page = anna.post(URL, data)
    assert (stock_of(mug), stock_of(jug)) == (7, 11)
    assert "Not saved: Mug. Check these rows." in texts(page)
    assert "the stock was changed while this page was open" in page.text
    again = read(page)
    assert (again[f"{mug.pk}-shown"], again[f"{mug.pk}-{field}"]) == ("7", str(value))
    assert again[f"{jug.pk}-change_by"] == ""
    anna.post(URL, again)
    assert (stock_of(mug), stock_of(jug)) == (50 if field == "set_to" else 12, 11)


def test_second_of_two_members_of_staff_is_told(anna: Client) -> None:
    ben = member("Manager", "ben")
    mug = make_product(title="Mug", stock=10)
    first, second = open_page(anna), open_page(ben)
    anna.post(URL, first | entries(change_by=(mug, 5)))
    page = ben.post(URL, second | entries(change_by=(mug, 5)))
    assert stock_of(mug) == 15
    assert "Not saved: Mug." in texts(page)


def test_form_that_is_sent_twice_is_saved_once(anna: Client) -> None:
    mug = make_product(stock=10)
    data = open_page(anna) | entries(change_by=(mug, 5))
    assert [anna.post(URL, data).status_code for _ in range(2)] == [302, 200]
    assert stock_of(mug) == 15


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_save_one_change(anna: Client) -> None:
    ben = member("Manager", "ben")
    mug, jug = make_product(stock=10), make_product(stock=10)
    data = open_page(anna) | entries(change_by=(mug, 5), set_to=(jug, 3))
    pages = run_in_threads(*(partial(client.post, URL, data) for client in (anna, ben)))
    assert sorted(page.status_code for page in pages) == [200, 302]
    assert (stock_of(mug), stock_of(jug)) == (15, 3)
    assert StockMovement.objects.filter(kind=StockMovement.Kind.ADJUSTED).count() == 2


def test_missing_reason_does_not_hide_that_the_stock_moved(anna: Client) -> None:
    mug = make_product(title="Mug", stock=10)
    data = open_page(anna) | entries(set_to=(mug, 50)) | {"reason": ""}
    mug.reserve(3, "ORDER1")
    page = anna.post(URL, data)
    assert "the stock was changed while this page was open" in page.text
    assert stock_of(mug) == 7


def test_row_of_a_deleted_product_is_reported_and_the_others_are_saved(anna: Client) -> None:
    mug, jug = make_product(title="Mug", stock=10), make_product(title="Jug", stock=10)
    data = open_page(anna) | entries(set_to=(mug, 4), change_by=(jug, 1))
    mug.delete()
    assert "A product was deleted" in texts(anna.post(URL, data))
    assert stock_of(jug) == 11


def test_product_that_became_unlimited_is_rejected(anna: Client) -> None:
    mug = make_product(title="Mug", stock=10)
    data = open_page(anna) | entries(set_to=(mug, 4))
    mug.switch_stock_tracking(None, "staff")
    page = anna.post(URL, data)
    assert "Not saved: Mug." in texts(page)
    assert (stock_of(mug), read(page)["row"]) == (None, [])


# Values


@pytest.mark.parametrize(
    ("entered", "message"),
    [
        ({"set_to": "-1"}, "greater than or equal to 0"),
        ({"set_to": "1000001"}, "less than or equal to 1000000"),
        ({"set_to": "9" * 5000}, "Enter a whole number"),
        ({"set_to": "4.5"}, "Enter a whole number"),
        ({"set_to": "NaN"}, "Enter a whole number"),
        ({"set_to": "1e3"}, "Enter a whole number"),
        ({"set_to": "4\x00"}, "Enter a whole number"),
        ({"change_by": "-11"}, "The result must be from 0 to 1000000. In stock: 10."),
        ({"change_by": "999991"}, "The result must be from 0 to 1000000. In stock: 10."),
        ({"change_by": "-99999999999999999999"}, "greater than or equal to -1000000"),
        ({"change_by": "<script>"}, "Enter a whole number"),
        ({"set_to": "4", "change_by": "4"}, "Fill in only one of the two fields."),
        ({"set_to": "4", "shown": ""}, "did not say which stock it showed"),
        ({"set_to": "4", "shown": "ten"}, "did not say which stock it showed"),
        ({"set_to": "4", "shown": "11"}, "the stock was changed while this page was open"),
        ({"set_to": "4", "shown": "-1"}, "the stock was changed while this page was open"),
        ({"set_to": "4", "shown": "9" * 30}, "the stock was changed while this page was open"),
        ({"change_by": "4", "shown": "9" * 30}, "the stock was changed while this page was open"),
    ],
)
def test_bad_value_is_rejected_in_its_row_and_the_others_are_saved(
    anna: Client, entered: dict[str, str], message: str
) -> None:
    mug, jug = make_product(title="Mug", stock=10), make_product(title="Jug", stock=10)
    data = open_page(anna) | {f"{mug.pk}-{name}": value for name, value in entered.items()}
    page = anna.post(URL, data | entries(change_by=(jug, 1)))
    [row] = [row for row in page.context["rows"] if row.product == mug]
    assert message in row.form.errors.as_text()
    assert message in page.text
    assert (stock_of(mug), stock_of(jug)) == (10, 11)


@pytest.mark.parametrize("row", ["", "x", "9" * 30, "-1", "1\x00", "0"])
def test_row_that_cannot_be_a_product_is_ignored(anna: Client, row: str) -> None:
    make_product(stock=10)
    page = anna.post(URL, {"row": [row], "reason": "count", f"{row}-set_to": "4", f"{row}-shown": "10"})
    assert page.status_code == 302
    assert not StockMovement.objects.filter(kind=StockMovement.Kind.ADJUSTED).exists()


@pytest.mark.parametrize("reason", ["sale", "x" * 500, "delivery\x00"])
def test_unknown_reason_is_rejected(anna: Client, reason: str) -> None:
    mug = make_product(stock=10)
    page = anna.post(URL, open_page(anna) | entries(set_to=(mug, 4)) | {"reason": reason})
    assert (page.status_code, stock_of(mug)) == (200, 10)


# Showing


@pytest.fixture
def shelf() -> None:
    """Create products with all kinds of stock."""
    for title, stock in {"Endless": None, "Low": 3, "Out": 0, "Plenty": 50}.items():
        make_product(title=title, stock=stock)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["Endless", "Low", "Out", "Plenty"]),
        ({"show": "low"}, ["Low"]),
        ({"show": "out"}, ["Out"]),
        ({"show": "nonsense"}, ["Endless", "Low", "Out", "Plenty"]),
        ({"q": "plent"}, ["Plenty"]),
        ({"q": "low", "show": "out"}, []),
        ({"q": "mug " * 2500}, []),
        ({"page": "9" * 5000}, ["Endless", "Low", "Out", "Plenty"]),
        ({"page": "-1"}, ["Endless", "Low", "Out", "Plenty"]),
    ],
)
def test_products_are_filtered_and_searched(
    anna: Client, shelf: None, query: dict[str, str], expected: list[str]
) -> None:
    assert titles(anna.get(URL, query)) == expected


def test_low_and_sold_out_products_are_marked(anna: Client, shelf: None) -> None:
    rows = parse_html(anna.get(URL).text).all("tr")
    marks = {row.text.split()[0]: ("Low stock" in row.text, "Sold out" in row.text) for row in rows}
    assert {title: marks[title] for title in ("Endless", "Low", "Out", "Plenty")} == {
        "Endless": (False, False), "Low": (True, False), "Out": (False, True), "Plenty": (False, False),
    }  # fmt: skip


def test_product_without_a_limit_has_no_fields(anna: Client) -> None:
    product = make_product(stock=None)
    make_product(stock=1)
    assert str(product.pk) not in open_page(anna)["row"]


def test_units_held_by_unpaid_orders_are_shown(anna: Client) -> None:
    mug = make_product(title="Mug", stock=10)
    held = {"quantity": 2, "sku": "M", "title": "Mug", "unit_price": 16, "total": 32}
    for holds_stock in (True, False):
        order = make_open_order()
        order.items.create(product=mug, **held)
        Order.objects.filter(pk=order.pk).update(status=Order.Status.PLACED, holds_stock=holds_stock)
    make_paid_order(mug)
    [row] = [row for row in anna.get(URL).context["rows"] if row.product == mug]
    assert row.held == 2


def test_long_lists_have_pages_that_keep_filter_and_search(anna: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock_page, "PAGE_SIZE", 2)
    for number in range(5):
        make_product(title=f"Mug {number}", stock=1)
    page = anna.get(URL, {"show": "low", "q": "mug", "page": "2"})
    assert titles(page) == ["Mug 2", "Mug 3"]
    assert "?show=low&amp;q=mug&amp;page=3" in page.text
    assert titles(anna.get(URL + page.context["urls"]["next"])) == ["Mug 4"]


def test_saving_returns_to_the_same_page(anna: Client) -> None:
    mug = make_product(title="Mug", stock=3)
    data = open_page(anna, show="low", q="mug") | entries(change_by=(mug, 1))
    assert anna.post(f"{URL}?show=low&q=mug", data).url == f"{URL}?show=low&q=mug"


def test_page_runs_as_many_queries_for_seven_rows_as_for_two(anna: Client) -> None:
    counts = []
    for count in (2, 5):
        for _ in range(count):
            make_product(title="Mug")
        anna.get(URL, {"q": "mug"})
        with count_queries() as queries:
            anna.get(URL, {"q": "mug"})
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_table_has_a_caption_and_every_field_a_name(anna: Client) -> None:
    make_product(title="Mug", stock=1)
    root = parse_html(anna.get(URL).text)
    [table] = [table for form in root.all("form") for table in form.all("table")]
    assert [caption.text for caption in table.all("caption")] == ["1 product"]
    numbers = [field for field in root.all("input") if field.attrs.get("type") == "number"]
    assert [field.attrs["aria-label"] for field in numbers] == ["Set Mug to", "Change Mug by"]


# Shop and rights


def test_page_of_the_product_is_renewed(anna: Client, page_cache: None) -> None:
    mug = make_product(title="Mug", stock=50)
    assert "In stock" in Client().get(mug.get_absolute_url()).text
    anna.post(URL, open_page(anna) | entries(set_to=(mug, 0)))
    assert "Sold out" in Client().get(mug.get_absolute_url()).text


def test_change_that_shoppers_do_not_see_renews_no_page(anna: Client) -> None:
    mug = make_product(title="Mug", stock=50)
    data = open_page(anna) | entries(set_to=(mug, 40))
    with moved_versions() as moved:
        anna.post(URL, data)
    assert moved == set()


@pytest.mark.parametrize(("role", "status"), [("Catalogue", 302), ("Manager", 302), ("Support", 403), ("Packer", 403)])
def test_page_needs_the_permission_to_change_products(role: str, status: int) -> None:
    mug = make_product(stock=10)
    client, data = member(role), entries(set_to=(mug, 4), shown=(mug, 10)) | {"row": mug.pk, "reason": "count"}
    assert client.get(URL).status_code == (200 if status == 302 else 403)
    assert client.post(URL, data).status_code == status
    assert stock_of(mug) == (4 if status == 302 else 10)


@pytest.mark.parametrize(("role", "is_linked"), [("Catalogue", True), ("Support", False)])
def test_list_of_products_links_to_the_stock_for_those_who_may(role: str, is_linked: bool) -> None:
    page = member(role).get(reverse("admin:products_product_changelist")).text
    assert (URL in page) == is_linked


def test_request_without_a_token_is_rejected() -> None:
    mug = make_product(stock=10)
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    data = entries(set_to=(mug, 4), shown=(mug, 10)) | {"row": mug.pk, "reason": "count"}
    assert client.post(URL, data).status_code == 403
    assert stock_of(mug) == 10
