"""Tests for packing slips and delivery notes: what is on them, and which orders are left out."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.admin.confirmed_actions import MAX_ROWS
from orders.models import Order, Shipment, Withdrawal
from tests.admin_forms import ship_page_form
from tests.makers import make_paid_order, make_product, make_shipment, make_shop, make_user
from tests.markup import parse_html

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
LIST, SLIPS = "/admin/orders/order/", "/admin/orders/order/slips/"


def staff_with(*codenames: str) -> Client:
    """Return a client of a member of staff with these permissions."""
    user = make_user("packer@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def packer() -> Client:
    return staff_with("view_order", "ship_order")


def get_slips(staff: Client, *orders: Order, kind: str = "slip") -> Any:
    return staff.get(SLIPS, {"kind": kind, "ids": ",".join(str(order.pk) for order in orders)})


def sheets(page: Any) -> list[str]:
    """Return the texts of the sheets of a page."""
    return [sheet.text for sheet in parse_html(page.text).all("article")]


def left_out(page: Any) -> str:
    """Return the text above the sheets, which is not printed."""
    return parse_html(page.text).one("header").text


def test_packing_slip_says_what_to_pack_and_where_it_goes(packer: Client) -> None:
    order = make_paid_order(make_product(title="Oak stool", sku="STOOL-1"), placed_at=timezone.now())
    [sheet] = sheets(get_slips(packer, order))
    for text in (str(order), "Gia Guest 1 High Street", "1 STOOL-1 Oak stool", "Standard delivery"):
        assert text in sheet


def test_packing_slip_has_only_units_to_ship(packer: Client) -> None:
    order = make_paid_order(make_product(title="Oak stool"))
    gone = make_product(title="Jug")
    item = order.items.create(product=gone, sku="J", title="Jug", unit_price=5, quantity=3, total=15)
    stool = order.items.get(title="Oak stool")
    order.payments.get().refunds.create(amount=5, currency="gbp", units={str(stool.pk): 1, str(item.pk): 1})
    [sheet] = sheets(get_slips(packer, order))
    assert "2 J Jug" in sheet
    assert "Oak stool" not in sheet


def test_each_order_has_its_own_sheet_in_the_order_of_the_list(packer: Client) -> None:
    orders = [make_paid_order() for _number in range(3)]
    orders = [orders[1], orders[0], orders[2]]
    found = sheets(get_slips(packer, *orders))
    assert [str(order) in sheet for order, sheet in zip(orders, found, strict=True)] == [True] * 3


def test_delivery_note_names_the_shop_and_no_prices(packer: Client) -> None:
    make_shop(name="Clay House", legal_name="Clay Ltd", street="2 Kiln Lane", city="Bath", postcode="BA1", country="GB")
    order = make_paid_order(make_product(title="Oak stool"))
    [sheet] = sheets(get_slips(packer, order, kind="note"))
    for text in ("Clay House", "Clay Ltd", "2 Kiln Lane", "Gia Guest 1 High Street", "Oak stool"):
        assert text in sheet
    assert not [text for text in ("16.00", "20.95", "4.95", "£") if text in sheet]


def test_delivery_note_is_in_the_language_of_the_order(packer: Client) -> None:
    make_shop(street="2 Kiln Lane", city="Bath", postcode="BA1", country="GB")
    page = get_slips(packer, make_paid_order(language="de"), make_paid_order(language="en-gb"), kind="note")
    german, english = sheets(page)
    assert ("Vereinigtes Königreich" in german, "United Kingdom" in english) == (True, True)
    assert [sheet.attrs["lang"] for sheet in parse_html(page.text).all("article")] == ["de", "en-gb"]


def make_order_with_a_dispute() -> Order:
    order = make_paid_order()
    order.disputes.create(stripe_id="du_1", amount=5, currency="gbp", status="needs_response", opened=timezone.now())
    return order


def make_order_with_items_to_assign() -> Order:
    order = make_paid_order()
    row = Withdrawal(
        order=order, is_whole_order=False, items="the jug", name="Gia", email="g@example.org", language="en"
    )
    row.save()
    return order


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: make_paid_order(attention="Look at this"), "needs attention: Look at this"),
        (make_order_with_a_dispute, "its payment is disputed"),
        (make_order_with_items_to_assign, "assign the items of its withdrawal first"),
        (lambda: make_paid_order(status=Order.Status.SHIPPED, shipped_at=timezone.now()), "shipped"),
        (lambda: make_paid_order(status=Order.Status.PLACED), "cannot be shipped: Awaiting payment."),
        (lambda: make_paid_order(shipping_address_text=""), "has no postal address"),
    ],
    ids=["attention", "dispute", "withdrawal", "shipped", "unpaid", "erased"],
)
def test_order_that_cannot_be_packed_is_named_but_not_printed(packer: Client, make: Any, reason: str) -> None:
    order, other = make(), make_paid_order()
    for kind in ("slip", "note"):
        page = get_slips(packer, order, other, kind=kind)
        assert (len(sheets(page)), str(order) in sheets(page)[0]) == (1, False)
        assert str(order) in left_out(page)
        assert reason in left_out(page)


@pytest.mark.parametrize(("action", "kind"), [("print_slips", "slip"), ("print_notes", "note")])
def test_list_actions_open_the_page(packer: Client, action: str, kind: str) -> None:
    old, new = make_paid_order(), make_paid_order()
    response: Any = packer.post(LIST, {"action": action, "_selected_action": [old.pk, new.pk]})
    assert response.url.startswith(f"{SLIPS}?kind={kind}&ids=")
    assert len(sheets(packer.get(response.url))) == 2


def test_page_of_an_order_links_to_its_slips(packer: Client) -> None:
    order = make_paid_order()
    page = parse_html(packer.get(reverse("admin:orders_order_change", args=[order.pk])).text)
    links = [link.attrs["href"] for link in page.all("a") if "slips" in link.attrs.get("href", "")]
    assert [len(sheets(packer.get(link))) for link in links] == [1, 1]


@pytest.mark.parametrize("codenames", [("view_order",), ("ship_order",), ("view_order", "change_order")])
def test_staff_without_both_permissions_see_no_slips(codenames: tuple[str, ...]) -> None:
    assert get_slips(staff_with(*codenames), make_paid_order()).status_code == 403


def test_strangers_see_no_slips(client: Client) -> None:
    assert get_slips(client, make_paid_order()).url.startswith("/admin/login/")


@pytest.mark.parametrize("ids", ["abc", "9" * 40, "0", "-1", "1 OR 1=1", "٣", "<script>"])
def test_hostile_ids_are_orders_that_do_not_exist(packer: Client, ids: str) -> None:
    page = packer.get(SLIPS, {"ids": ids})
    assert (page.status_code, sheets(page)) == (200, [])
    assert "1 order was not found." in left_out(page)


@pytest.mark.parametrize("ids", ["", ",,", ",".join(str(number) for number in range(1, MAX_ROWS + 2))])
def test_no_ids_or_too_many_are_rejected_with_a_message(packer: Client, ids: str) -> None:
    page = packer.get(SLIPS, {"ids": ids}, follow=True)
    assert f"Select between 1 and {MAX_ROWS} orders." in page.text


def test_open_orders_are_not_found(packer: Client) -> None:
    page = get_slips(packer, make_paid_order(status=Order.Status.OPEN))
    assert (sheets(page), "1 order was not found." in left_out(page)) == ([], True)


def test_unknown_kind_is_a_packing_slip(packer: Client) -> None:
    assert "Packing slip" in sheets(get_slips(packer, make_paid_order(), kind="<b>"))[0]


def test_slips_cannot_be_posted(packer: Client) -> None:
    assert packer.post(SLIPS).status_code == 405


def test_text_of_an_address_is_escaped(packer: Client) -> None:
    page = get_slips(packer, make_paid_order(shipping_address_text="<script>alert(1)</script>"), kind="note")
    assert "<script>" not in page.text


# Shipments, printed again


def shipped_part(order: Order) -> Shipment:
    """Ship one of three units of the order's only line."""
    order.items.update(quantity=3)
    return make_shipment(order, units={str(order.items.get().pk): 1})


def get_shipped(staff: Client, shipment: Shipment, kind: str = "slip") -> Any:
    return staff.get(reverse("admin:orders_order_shipment_slips", args=[shipment.pk]), {"kind": kind})


@pytest.mark.parametrize("kind", ["slip", "note"])
def test_slip_and_note_of_a_shipment_have_its_units(packer: Client, kind: str) -> None:
    shipment = shipped_part(make_paid_order(make_product(title="Oak stool", sku="STOOL-1")))
    [sheet] = sheets(get_shipped(packer, shipment, kind))
    for text in (str(shipment), "1 STOOL-1 Oak stool", "Gia Guest 1 High Street"):
        assert text in sheet


def test_slip_of_a_shipment_has_the_address_to_which_it_went(packer: Client) -> None:
    order = make_paid_order()
    shipment = shipped_part(order)
    order.corrections.create(kind="shipping", old="Gia Guest\n2 Old Lane", new="Gia Guest\n1 High Street")
    assert "2 Old Lane" in sheets(get_shipped(packer, shipment))[0]


def test_shipment_of_an_erased_order_is_not_printed(packer: Client) -> None:
    shipment = shipped_part(make_paid_order(email=""))
    page = get_shipped(packer, shipment)
    assert sheets(page) == []
    assert "was erased" in left_out(page)


def test_slip_of_a_shipment_needs_the_permission_to_ship() -> None:
    shipment = shipped_part(make_paid_order())
    assert get_shipped(staff_with("view_order", "view_shipment"), shipment).status_code == 403


def links_to(page: str, text: str) -> list[str]:
    return [link.attrs["href"] for link in parse_html(page).all("a") if link.text.startswith(text)]


@pytest.mark.parametrize("name", ["Packing slip", "Delivery note"])
def test_page_of_a_shipped_order_links_to_the_sheets_of_its_shipments(name: str) -> None:
    staff = staff_with("view_order", "ship_order", "view_shipment")
    shipment = shipped_part(make_paid_order(status=Order.Status.SHIPPED))
    page = staff.get(reverse("admin:orders_order_change", args=[shipment.order_id])).text
    [link] = links_to(page, name)
    assert str(shipment) in sheets(staff.get(link))[0]


@pytest.mark.parametrize("name", ["Packing slip", "Delivery note"])
def test_ship_page_links_to_the_sheets_of_the_order(packer: Client, name: str) -> None:
    order = make_paid_order(paid_at=timezone.now())
    [link] = links_to(packer.get(reverse("admin:orders_order_ship", args=[order.pk])).text, name)
    assert str(order) in sheets(packer.get(link))[0]


def test_message_after_ship_and_next_links_to_the_delivery_note(packer: Client) -> None:
    order = make_paid_order(paid_at=timezone.now())
    url = reverse("admin:orders_order_ship", args=[order.pk])
    page = packer.post(url, ship_page_form(packer, order) | {"next": "1"}, follow=True).text
    [link] = links_to(page, "Delivery note")
    assert f"{order}-1" in sheets(packer.get(link))[0]


# The country of the postal address


@pytest.mark.parametrize(
    ("shop", "address", "language", "last_line"),
    [
        ("GB", "Gia Guest\nKiel\nDeutschland", "de", "GERMANY"),
        ("GB", "Gia Guest\nBath\nVereinigtes Königreich", "de", "United Kingdom"),
        ("GB", "Gia Guest\nParis\nFrance", "en", "FRANCE"),
        ("GB", "Gia Guest\nBath", "en", "Bath"),
    ],
)
def test_packing_slip_names_the_country_as_the_post_reads_it(
    packer: Client, shop: str, address: str, language: str, last_line: str
) -> None:
    make_shop(country=shop)
    order = make_paid_order(shipping_address_text=address, language=language)
    assert parse_html(get_slips(packer, order).text).one("address").text.endswith(f" {last_line}")


def test_delivery_note_keeps_the_language_of_the_order(packer: Client) -> None:
    make_shop(country="GB")
    order = make_paid_order(shipping_address_text="Gia Guest\nKiel\nDeutschland", language="de")
    assert "Deutschland" in sheets(get_slips(packer, order, kind="note"))[0]
