"""Tests for a closed shop: what visitors and staff see, what still works, and that no stored page crosses over."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from core.models import ContactMail, Page, Shop
from core.page_cache import storage
from core.pages.publishing import publish
from ecommerce.operations.closed_shop import RETRY_SECONDS
from orders.links import order_url
from orders.models import Order, OrderLinkMail, Withdrawal
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import add_to_cart, make_paid_order, make_product, make_shop, make_user
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
CLOSED = ["/", "/products/", "/products/?q=mug", "/products/teal-mug/", "/cart/", "/cart/checkout/", "/sitemap.xml"]
BANNER = "The shop is closed; only staff see it."


@pytest.fixture(params=[True, False], ids=["page cache", "no page cache"])
def mug(request: pytest.FixtureRequest, settings: Any) -> Iterator[Product]:
    """Return a product of an open shop, with the page cache on and off."""
    settings.PAGE_CACHE = request.param
    storage.clear()
    make_shop(name="Nordlicht", tagline="Books")
    yield make_product(title="Teal mug", slug="teal-mug")
    storage.clear()


@pytest.fixture
def staff() -> Client:
    """Return a client of staff without any permission."""
    client = Client()
    client.force_login(make_user("clerk@example.org", is_staff=True))
    return client


def close() -> None:
    make_shop(is_open=False)


def is_closed(client: Client, path: str = "/products/", **headers: str) -> bool:
    return client.get(path, headers=headers).status_code == 503


@pytest.mark.parametrize("path", CLOSED)
def test_visitor_waits_for_the_catalog_and_the_checkout(client: Client, mug: Product, path: str) -> None:
    assert client.get(path, follow=True).status_code == 200
    close()
    for method in (client.get, client.head, client.post):
        answer = method(path)
        assert (answer.status_code, answer["Retry-After"]) == (503, str(RETRY_SECONDS)), method
        assert (answer["X-Robots-Tag"], "no-store" in answer["Cache-Control"]) == ("noindex", True)
        assert "ETag" not in answer
    page = client.get(path).text
    assert ("We are not open yet" in page, "Teal mug" in page, BANNER in page) == (True, False, False)
    assert ('content="noindex"' in page, "Nordlicht" in page) == (True, True)


def test_page_in_german(client: Client, mug: Product) -> None:
    close()
    client.cookies["django_language"] = "de"
    assert '<html lang="de">' in client.get("/").text


def test_script_gets_json(client: Client, mug: Product) -> None:
    close()
    answer = client.post(reverse("carts:update"), {"product": mug.pk}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()) == (503, {"error": "The shop is not open yet."})


def test_customer_waits_too(client: Client, mug: Product) -> None:
    close()
    client.force_login(make_user("ann@example.org"))
    assert is_closed(client)


def test_nothing_can_be_placed_while_closed(client: Client, mug: Product) -> None:
    add_to_cart(client, mug)
    close()
    add_to_cart(client, mug)
    client.post(reverse("carts:checkout"), {"action": "place"})
    assert not Order.objects.placed().exists()
    make_shop(is_open=True)
    assert client.get("/cart/").context["cart"].items.get().quantity == 1


# Stored pages


def test_page_stored_before_is_not_sent_after_closing(client: Client, mug: Product) -> None:
    etag = client.get("/products/")["ETag"]
    client.get("/products/")
    close()
    assert is_closed(client)
    assert is_closed(client, if_none_match=etag)
    assert is_closed(client, if_none_match="*")


def test_page_that_staff_have_seen_is_not_sent_to_visitors(client: Client, staff: Client, mug: Product) -> None:
    close()
    for _number in range(3):
        page = staff.get("/products/")
        assert (page.status_code, BANNER in page.text, "Teal mug" in page.text) == (200, True, True)
        assert ("ETag" in page, "no-store" in page["Cache-Control"]) == (False, True)
        assert is_closed(client)
        assert is_closed(client, if_none_match="*")
    make_shop(is_open=True)
    page = client.get("/products/")
    assert (page.status_code, BANNER in page.text) == (200, False)
    assert (BANNER in staff.get("/products/").text, "Teal mug" in staff.get("/products/").text) == (False, True)


@pytest.mark.parametrize("path", ["/", "/products/teal-mug/", "/cart/", "/sitemap.xml", "/sitemap-pages.xml"])
def test_no_cache_stores_what_staff_see(staff: Client, mug: Product, path: str) -> None:
    close()
    for method in (staff.get, staff.head):
        answer = method(path)
        policy = answer["Cache-Control"]
        assert (answer.status_code, "public" in policy, "ETag" in answer) == (200, False, False)
        assert "no-store" in policy or "private" in policy


def test_visitor_does_not_close_the_shop_for_staff(client: Client, staff: Client, mug: Product) -> None:
    close()
    assert is_closed(client)
    assert not is_closed(staff)


def test_staff_see_the_banner_on_every_page_while_closed(staff: Client, client: Client, mug: Product) -> None:
    paths = [*CLOSED[:-2], "/accounts/name/", "/orders/"]
    assert not any(BANNER in staff.get(path, follow=True).text for path in paths)
    close()
    assert [path for path in paths if BANNER not in staff.get(path, follow=True).text] == []
    assert BANNER not in client.get("/accounts/login/").text


def test_staff_can_place_an_order(staff: Client, mug: Product) -> None:
    close()
    add_to_cart(staff, mug)
    assert staff.get(reverse("carts:checkout")).status_code == 200


def test_opening_is_on_the_next_request(client: Client, mug: Product) -> None:
    close()
    assert is_closed(client)
    Shop.objects.update(is_open=True)
    assert not is_closed(client)
    with count_queries() as queries:
        client.get("/products/teal-mug/")
    assert "core_shop" not in " ".join(queries)


# What works


WORKING = ["/accounts/login/", "/accounts/signup/", "/accounts/password-reset/", "/health/", "/healthz", "/robots.txt"]
WORKING += ["/admin/login/", "/orders/", "/cart/success/", "/contact/", "/orders/find/", "/orders/withdraw/"]


@pytest.mark.parametrize("path", WORKING)
def test_page_works_while_closed(client: Client, path: str) -> None:
    close()
    assert client.get(path).status_code in (200, 302)


def test_pages_of_the_shop_and_forms_work_while_closed(client: Client) -> None:
    publish(Page.objects.create(kind="terms", language="en-gb", slug="terms", title="Our terms", draft="Read this."))
    number = make_paid_order().order_id
    close()
    assert "Our terms" in client.get("/pages/terms/").text
    person = {"name": "Gia", "email": "guest@example.org", "order_number": number}
    client.post("/contact/", person | {"message": "When do you open?"})
    client.post("/orders/find/", person)
    client.post("/orders/withdraw/confirm/", person | {"scope": "whole", "items": ""})
    rows = (ContactMail.objects, OrderLinkMail.objects, Withdrawal.objects)
    assert [model.count() for model in rows] == [1, 1, 1]


def test_webhook_and_readiness_work_while_closed(client: Client) -> None:
    close()
    assert client.post("/billing/webhook/", b"{}", content_type="application/json").status_code == 400  # unsigned
    assert client.get("/readyz").status_code == 200


def test_order_and_its_emailed_link_work_while_closed(client: Client) -> None:
    order = make_paid_order(make_product())
    close()
    page = client.get(order_url(order).removeprefix("http://127.0.0.1:8000"), follow=True)
    assert page.status_code == 200
    assert order.order_id in page.text


def test_reconcile_works_while_closed(simulator: Simulator) -> None:
    close()
    call_command("reconcile", stdout=StringIO())


# createshop

FACTS = {
    "name": "Nordlicht", "legal_name": "Nordlicht Bücher GmbH", "street": "Deichweg 3", "postcode": "28195",
    "city": "Bremen", "country": "de", "email": "post@nordlicht.example",
}  # fmt: skip


def create(**options: Any) -> str:
    output = StringIO()
    call_command("createshop", stdout=output, **options)
    return output.getvalue()


@pytest.mark.parametrize("has_row", [True, False])
def test_createshop_makes_a_closed_shop(client: Client, has_row: bool) -> None:
    if has_row:
        make_shop(tagline="Books")
    assert "Nordlicht is closed" in create(interactive=False, vat_id="DE 123456789", **FACTS)
    row = Shop.objects.get()
    assert (row.is_open, row.name, row.country, row.vat_id) == (False, "Nordlicht", "DE", "DE123456789")
    assert row.tagline == ("Books" if has_row else "")
    assert is_closed(client, "/")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"legal_name": ""}, "--legal-name"), ({"vat_id": "1"}, "--vat-id"), ({"email": "post"}, "--email"),
     ({"country": "XX"}, "--country"), ({"city": "x" * 200}, "--city")],
)  # fmt: skip
def test_createshop_with_an_invalid_option_changes_nothing(changes: dict[str, str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        create(interactive=False, **FACTS | changes)
    assert not Shop.objects.exists()


def test_createshop_asks_again_after_an_invalid_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(
        ["", "Nordlicht Bücher", "Deichweg 3", "28195", "Bremen", "Germany", "DE", "", "", "", "", "", "DE1", ""]
    )
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    create(name="Nordlicht", email="post@nordlicht.example", stderr=StringIO())
    row = Shop.objects.get()
    assert (row.legal_name, row.country, row.vat_id, row.is_open) == ("Nordlicht Bücher", "DE", "", False)


def test_createshop_never_closes_a_shop_with_orders(client: Client) -> None:
    make_paid_order()
    with pytest.raises(CommandError, match="stays open"):
        create(interactive=False, **FACTS)
    assert not is_closed(client)
