"""Tests of what a shopper finds after buying: the progress of the order, "Order again", and pictures in emails."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from carts.models import Cart, CartItem
from core.shop.models import Shop
from orders.models import Order, Shipment
from products.models import Product
from products.tests.test_uploads import make_image
from stripe_simulator.server import Simulator
from tests.makers import add_to_cart, buy, make_carrier, make_product, make_shop, ship
from tests.markup import parse_html

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("simulator")]


def steps(client: Client, order: Order) -> list[tuple[str, bool]]:
    """Return the steps on the page of the order, each with whether it is done."""
    page = parse_html(client.get(order.get_absolute_url()).text)
    sections = [part for part in page.all("section") if "progress-of-order" in part.attrs.get("class", "")]
    items = sections[0].all("li") if sections else []
    return [(item.one("strong").text, "is-done" in item.attrs.get("class", "")) for item in items]


def quantities(client: Client) -> dict[str, int]:
    return {line.product.title: line.quantity for line in CartItem.objects.filter(cart__active=True)}


# --- progress ---


def test_steps_of_an_unpaid_order_end_with_the_first(client: Client) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    assert steps(client, order) == [("Ordered", True), ("Paid", False), ("Shipped", False), ("Delivered", False)]


def test_page_of_a_paid_order_says_what_comes_next(client: Client) -> None:
    make_shop(dispatch_days=2)
    order = buy(client, make_product())
    assert steps(client, order)[:3] == [("Ordered", True), ("Paid", True), ("Shipped", False)]
    assert "We ship your order within 2 days" in client.get(order.get_absolute_url()).text


def test_thank_you_page_shows_the_same_steps(client: Client) -> None:
    buy(client, make_product())
    assert "We pack your order and send you an email" in client.get("/cart/success/").text


def test_step_is_partly_shipped_until_nothing_is_left(client: Client) -> None:
    order = buy(client, make_product(), quantity=2)
    [line] = order.items.all()
    Shipment.objects.create(order=order, number=1, units={str(line.pk): 1}, shipped_at=timezone.now())
    assert ("Partly shipped", True) in steps(client, order)


def test_shipped_order_has_a_button_to_track_the_parcel(client: Client) -> None:
    order = buy(client, make_product())
    ship(order, by="staff", tracking="RM1")
    Shipment.objects.update(carrier=make_carrier(tracking_pattern="https://carrier.example/{number}"))
    page = client.get(order.get_absolute_url()).text
    assert 'href="https://carrier.example/RM1"' in page
    assert "Track your parcel" in page


def test_order_is_delivered_when_all_its_shipments_are(client: Client) -> None:
    order = buy(client, make_product())
    ship(order, by="staff")
    assert steps(client, order)[-1] == ("Delivered", False)
    Shipment.objects.update(delivered_at=timezone.now() + timedelta(days=1))
    assert steps(client, order)[-1] == ("Delivered", True)


def test_canceled_order_has_no_steps(client: Client) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    client.post(f"/orders/{order.order_id}/cancel/")
    assert steps(client, order) == []


# --- order again ---


def again(client: Client, order: Order) -> str:
    """Press "Order again" and return the page that follows."""
    return str(client.post(f"/orders/{order.order_id}/again/", follow=True).text)


def test_order_again_puts_the_products_into_the_cart(client: Client) -> None:
    order = buy(client, make_product(title="Teal mug"), quantity=2)
    assert "1 product is in your cart again." in again(client, order)
    assert quantities(client) == {"Teal mug": 2}


def test_second_press_adds_nothing(client: Client) -> None:
    order = buy(client, make_product(title="Teal mug"), quantity=2)
    again(client, order)
    again(client, order)
    assert quantities(client) == {"Teal mug": 2}


def test_larger_quantity_in_the_cart_stays(client: Client) -> None:
    mug = make_product(title="Teal mug")
    order = buy(client, mug, quantity=2)
    add_to_cart(client, mug, 5)
    again(client, order)
    assert quantities(client) == {"Teal mug": 5}


@pytest.mark.parametrize("change", [{"active": False}, {"stock": 0}])
def test_products_that_cannot_be_bought_are_named(client: Client, change: dict[str, object]) -> None:
    order = buy(client, make_product(title="Teal mug"))
    Product.objects.update(**change)
    assert "Teal mug is not available now." in again(client, order)
    assert quantities(client) == {}


def test_price_is_the_one_of_today(client: Client) -> None:
    order = buy(client, make_product(title="Teal mug", price="16.00"))
    Product.objects.update(price="18.00")
    assert "£18.00" in again(client, order)


def test_order_of_another_person_is_not_found(client: Client) -> None:
    order = buy(Client(), make_product())
    assert client.post(f"/orders/{order.order_id}/again/").status_code == 404
    assert not Cart.objects.filter(active=True).exists()


def test_order_again_needs_post(client: Client) -> None:
    order = buy(client, make_product())
    assert client.get(f"/orders/{order.order_id}/again/").status_code == 405


def test_order_again_rejects_other_sites(simulator: Simulator) -> None:
    client = Client(enforce_csrf_checks=True)
    order = buy(client, make_product())
    assert client.post(f"/orders/{order.order_id}/again/").status_code == 403


# --- emails ---


def test_confirmation_shows_logo_and_pictures(client: Client, settings: Any) -> None:
    make_shop()
    Shop.objects.update(logo="shop/logo.webp")
    product = make_product(image=ContentFile(make_image(), "mug.png"))
    buy(client, product)
    [html] = [
        part
        for message in mail.outbox
        if "confirmation" in message.extra_headers["Message-ID"]
        for part, _kind in message.alternatives
    ]
    assert f'src="{settings.SITE_URL}{product.image.small_url}"' in html
    assert f'src="{settings.SITE_URL}/media/shop/logo.webp"' in html
