"""Tests for prefetched pages: they write nothing, and browsers drop them when something changes."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from tests.guests import pass_hours
from tests.makers import add_to_cart, make_product, make_user, submit_details
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
PREFETCH = {"Sec-Purpose": "prefetch"}
CLEARED = '"prefetchCache"'


def test_rules_prefetch_only_the_catalog(client: Client) -> None:
    response = client.get("/speculation-rules.json")
    rules = response.getvalue().decode()
    assert response.headers["Content-Type"] == "application/speculationrules+json"
    assert "/products/*" in rules
    assert not any(
        path in rules for path in ("cart", "checkout", "accounts", "orders", "billing", "admin", "prerender")
    )


@pytest.mark.parametrize("page", ["/", "/products/", "/products/teal-mug/"])
def test_catalog_pages_have_prefetch_rules(client: Client, page: str) -> None:
    make_product(title="Teal mug")
    assert client.get(page).headers["Speculation-Rules"] == '"/speculation-rules.json"'


def test_every_post_clears_prefetched_pages(client: Client, other_client: Client) -> None:
    assert add_to_cart(client, make_product()).headers["Clear-Site-Data"] == CLEARED
    assert sign_in(client, make_user()).headers["Clear-Site-Data"] == CLEARED
    assert client.post("/accounts/logout/").headers["Clear-Site-Data"] == CLEARED
    assert "Clear-Site-Data" not in other_client.get("/products/").headers


@pytest.mark.parametrize("is_on", [True, False])
def test_prefetched_page_keeps_messages_for_a_page_that_is_opened(client: Client, settings: Any, is_on: bool) -> None:
    settings.PAGE_CACHE = is_on
    add_to_cart(client, make_product(title="Teal mug"))  # redirects with a message
    answer = client.get("/products/", headers=PREFETCH)
    assert (answer.status_code, answer.content, bool(answer.cookies)) == (409, b"", False)
    assert "Teal mug" in client.get("/cart/").text.partition('role="status"')[2].partition("</div>")[0]


def test_prefetched_page_does_not_end_a_guest_session(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    client.get("/cart/")
    before = Session.objects.values_list("session_data").get()
    pass_hours(monkeypatch, 5)
    assert client.get("/products/", headers=PREFETCH).status_code == 409
    assert Session.objects.values_list("session_data").get() == before


@pytest.mark.slow
@pytest.mark.browser
def test_link_that_was_hovered_before_adding_to_the_cart_shows_the_cart(
    shopper: Any, page_cache: None, transactional_db: None
) -> None:
    mug, bowl = make_product(title="Teal mug"), make_product(title="Bowl")
    requests: list[str] = []
    shopper.context.on("request", lambda request: requests.append(request.url))
    shopper.go("/products/")
    with shopper.page.expect_request(lambda request: request.url.endswith(bowl.get_absolute_url())) as prefetched:
        shopper.page.get_by_role("link", name="Bowl", exact=True).hover()
    assert "prefetch" in prefetched.value.headers.get("sec-purpose", "")
    shopper.page.get_by_role("button", name="Add to cart: Teal mug").click()
    shopper.expect_badge(1)
    shopper.click_link("Bowl")
    shopper.wait_for_path(bowl.get_absolute_url())
    shopper.expect_badge(1)
    assert mug.pk
