"""Factory functions for tests, and the steps of a purchase with the test client."""

import itertools
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from addresses.models import Address
from billing.cards import CardUse, save_token_card
from billing.models import BillingProfile
from carts.models import Cart
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.agreement import format_address
from carts.pricing.quotes import quote_cart
from carts.pricing.rules import PricingRules
from core.models import Shop
from core.shop.current import stored_shop
from orders.bookkeeping.checksum import checksum_of
from orders.models import Carrier, Order, Payment, Shipment
from orders.workflow import payments
from orders.workflow.guests import start_guest
from orders.workflow.placing import agree, place
from orders.workflow.shipping import ShipmentRejected, ShipmentRequest
from orders.workflow.shipping import ship as ship_units
from products.models import Category, Product

_numbers = itertools.count(1)
PASSWORD = "correct horse battery"
# For the product form in the admin.
EMPTY_PICTURE_FORMSET = {"pictures-TOTAL_FORMS": "0", "pictures-INITIAL_FORMS": "0"}
ADDRESS = {
    "country": "GB", "name": "Gia Guest", "line_1": "1 High Street", "line_2": "", "city": "Bath", "state": "",
    "postal_code": "BA1 1AA",
}  # fmt: skip


def make_product(**fields: Any) -> Product:
    """Create a product with a price of 16.00 and a stock of 10, unless `fields` says otherwise."""
    number = next(_numbers)
    return Product.objects.create(
        **{"sku": f"T-{number}", "title": f"Mug {number}", "price": Decimal("16.00"), "stock": 10} | fields
    )


def make_shop(**fields: Any) -> Shop:
    """Create or change the row about the shop."""
    shop = stored_shop()
    for name, value in fields.items():
        setattr(shop, name, value)
    shop.save()
    return shop


def make_category(title: str = "Mugs") -> Category:
    return Category.objects.create(title=title)


def make_standard_delivery() -> None:
    """Create the shipping method of the initial migration, for tests that emptied the database."""
    if not ShippingMethod.objects.exists():
        ShippingMethod.objects.create(title="Standard delivery", price=Decimal("4.95"), free_from=Decimal(75))


def set_standard_delivery(price: str, free_from: str | None = None, **fields: Any) -> None:
    """Change the price of the standard delivery."""
    values = {"price": Decimal(price), "free_from": Decimal(free_from) if free_from else None}
    ShippingMethod.objects.filter(title="Standard delivery").update(**values, **fields)


def make_tax(percent: str = "20", **fields: Any) -> TaxRate:
    """Create a VAT rate for the United Kingdom, which also applies to delivery."""
    return TaxRate.objects.create(**{"title": "VAT", "country": "GB", "percent": Decimal(percent)} | fields)


def make_discount(code: str = "TEN", **fields: Any) -> Discount:
    """Create a discount code for ten percent off, unless `fields` says otherwise."""
    return Discount.objects.create(**{"code": code, "value": Decimal(10)} | fields)


def make_user(email: str = "alice@example.org", **fields: Any) -> User:
    return User.objects.create_user(email, PASSWORD, **fields)


def add_to_cart(client: Client, product: Product, quantity: int = 1, action: str = "add", **data: Any) -> Any:
    """Submit the cart form with the headers of a browser on this site."""
    data |= {"product_id": product.pk, "quantity": quantity, "action": action}
    return client.post(reverse("carts:update"), data, headers={"Sec-Fetch-Site": "same-origin"})


def submit_details(
    client: Client, email: str = "guest@example.org", optional: dict[str, str] | None = None, **changes: str
) -> Any:
    """Submit the first step of the checkout. `changes` are parts of the address."""
    data = {f"shipping-{name}": value for name, value in (ADDRESS | changes).items()} | (optional or {})
    return client.post(reverse("carts:checkout"), data | {"email": email, "billing_same": "on"})


def add_card(client: Client, token: str = "tok_visa", order: str = "", **save: str) -> Any:
    """Send a card token as `stripeTokenHandler` does. The JSON response has the card's id or an error.

    Pass `save="1"` or `save="0"` as the checkout does for users.
    """
    url = reverse("orders:card", args=[order]) if order else reverse("billing:payment_processing")
    return client.post(url, {"token": token} | save)


def payment_form_data(client: Client) -> dict[str, str]:
    """Return the current form data of the payment step, without a card.

    The order and quote are missing if the visitor is not at the payment step.
    """
    data, page = {"action": "place"}, client.get(reverse("carts:checkout"))
    if page.context and "agreement" in page.context:
        data |= {"order": page.context["order"].order_id, "quote": page.context["agreement"].signed()}
    return data


def place_order(client: Client, card: int | str, **changes: str) -> Any:
    """Submit the current form of the payment step with this card."""
    return client.post(reverse("carts:checkout"), payment_form_data(client) | {"card": str(card)} | changes)


def shown_facts(order: Order, rules: PricingRules | None = None) -> dict[str, Any]:
    """Return the facts that the payment step of an open order shows and signs now."""
    order = Order.objects.get(pk=order.pk)
    assert order.cart
    return agree(order, quote_cart(order.cart, address=order.shipping_address, rules=rules)).facts()


def make_client_request(client: Client) -> HttpRequest:
    """Return a request of this visitor. Call `request.session.save()` to keep changes of the session."""
    request = RequestFactory().post("/")
    request.session = client.session
    request.user = get_user(request)
    return request


def buy(client: Client, product: Product, token: str = "tok_visa", quantity: int = 1, **address: str) -> Order:
    """Place an order for this visitor without using the pages, and pay it if the card of `token` is accepted.

    `address` changes parts of the postal address.
    """
    request = make_client_request(client)
    cart, _created = Cart.objects.get_or_create_from_request(request)
    cart.set_quantity(product, quantity)
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    profile = profile or start_guest(request, "guest@example.org")
    order, _created = Order.objects.get_or_create_for(profile, cart)
    postal_address = Address.objects.create(billing_profile=profile, **(ADDRESS | address))
    for kind in Address.Type:
        order.use_address(postal_address, kind)
    card = save_token_card(request, profile, token, CardUse(payable_number=order.order_id))
    place(order, shown_facts(order, PricingRules.from_database()))
    Order.objects.remember(request, order)
    Cart.objects.forget(request, cart.pk)
    request.session.save()
    with suppress(payments.PaymentNotPossible):
        payments.pay(order, card)
    order.refresh_from_db()
    return order


def make_open_order(**fields: Any) -> Order:
    """Create an open order of a new guest with one product in the cart, without a client."""
    profile = BillingProfile.objects.create(email="guest@example.org")
    cart = Cart.objects.create(session_key=f"session-{next(_numbers)}")
    cart.set_quantity(make_product(), 1)
    return Order.objects.create(billing_profile=profile, cart=cart, email=profile.email, **fields)


def make_paid_order(product: Product | None = None, **fields: Any) -> Order:
    """Create the rows of a paid order for one product, without a client, Stripe or email messages."""
    product = product or make_product()
    profile = BillingProfile.objects.create(email="guest@example.org")
    order = Order.objects.create(
        **{"billing_profile": profile, "email": profile.email, "status": Order.Status.PAID, "currency": "gbp"}
        | {"subtotal": product.price, "total": product.price + Decimal("4.95")}
        | {"shipping_title": "Standard delivery", "shipping_total": Decimal("4.95")}
        | {"shipping_address_text": "Gia Guest\n1 High Street", "billing_address_text": "Bo Payer", "active": False}
        | fields
    )
    order.items.create(
        product=product, sku=product.sku, title=product.title, unit_price=product.price, quantity=1, total=product.price
    )
    order.payments.create(
        number=1, stripe_pm="card_1", amount=order.total, currency="gbp", status=Payment.Status.SUCCEEDED
    )
    return order


def make_intact_order(**fields: Any) -> Order:
    """Create the rows of a paid order with postal addresses and a valid checksum: see `make_paid_order`."""
    order = make_paid_order(placed_at=timezone.now(), paid_at=timezone.now(), **fields)
    address = Address.objects.create(billing_profile=order.billing_profile, **ADDRESS)
    text, rows = format_address(address, order.language), Order.objects.filter(pk=order.pk)
    for kind in Address.Type:
        rows.update(**{f"{kind}_address": address, f"{kind}_address_text": text})
    order.refresh_from_db()
    rows.update(checksum=checksum_of(order))
    order.refresh_from_db()
    return order


def ship(order: Order, by: str, tracking: str = "") -> bool:
    """Ship all units that are left. Return False if the order cannot be shipped."""
    try:
        ship_units(order, ShipmentRequest(by, Order.objects.get(pk=order.pk).units_to_ship(), tracking=tracking))
    except ShipmentRejected:
        return False
    return True


def make_shipped_order(shipped_at: datetime | None = None, **fields: Any) -> Order:
    """Create the rows of an order that was shipped in one shipment, without events and email messages."""
    moment = shipped_at or timezone.now()
    order = make_paid_order(status=Order.Status.SHIPPED, shipped_at=moment, **fields)
    make_shipment(order, shipped_at=moment)
    return order


def make_shipment(order: Order, **fields: Any) -> Shipment:
    """Create a shipment of all units that were sold, unless `fields` says otherwise."""
    units = {str(item.pk): item.quantity for item in order.items.all()}
    number = order.shipments.count() + 1
    return Shipment.objects.create(**{"order": order, "number": number, "units": units, "by": "packer"} | fields)


def make_carrier(**fields: Any) -> Carrier:
    """Create a carrier with a tracking page."""
    values = {"name": f"Parcels {next(_numbers)}", "tracking_pattern": "https://track.example.com/?id={number}"}
    return Carrier.objects.create(**values | fields)
