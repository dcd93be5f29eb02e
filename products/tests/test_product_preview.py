"""Tests for the preview of a product by staff."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.staff.roles import make_roles
from core.page_cache import storage
from products.models import Product
from tests.makers import make_category, make_product, make_user
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("page_cache")]


@pytest.fixture
def mug() -> Product:
    """Return a product that is not for sale."""
    return make_product(title="Teal mug", description="Holds tea.", active=False, category=make_category())


def preview_url(product: Product) -> str:
    return reverse("admin:products_product_preview", args=[product.pk])


def member(role: str) -> Client:
    """Return the client of a member of staff with this role, or of a superuser."""
    make_roles()
    user = make_user(f"{role.lower()}@example.org", is_staff=True, is_superuser=role == "Superuser")
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_preview_shows_the_page_of_a_product_that_is_not_for_sale(mug: Product) -> None:
    page = member("Catalogue").get(preview_url(mug))
    assert "products/product_detail.html" in [template.name for template in page.templates]
    assert "Teal mug" in page.text
    assert "Holds tea." in page.text
    assert "Shoppers do not see this product" in page.text


def test_preview_cannot_be_bought_or_indexed(mug: Product) -> None:
    page = member("Catalogue").get(preview_url(mug)).text
    assert 'name="product_id"' not in page
    assert 'method="post"' not in page.partition("<main")[2].partition("</main>")[0]
    assert '<meta name="robots" content="noindex">' in page
    assert "application/ld+json" not in page


def test_preview_is_stored_nowhere_and_shoppers_still_find_nothing(mug: Product) -> None:
    storage.MEMORY.clear()
    response = member("Catalogue").get(preview_url(mug))
    control = response.headers["Cache-Control"]
    assert ("private" in control, "no-store" in control, "ETag" in response.headers) == (True, True, False)
    assert storage.MEMORY.values() == []
    assert Client().get(mug.get_absolute_url()).status_code == 404


def test_preview_shows_the_product_among_its_variants(mug: Product) -> None:
    fields = {"group": "mugs", "option": "Colour"}
    oat = make_product(title="Oat mug", choice="Oat", **fields)
    hidden = make_product(title="Rust mug", choice="Rust", active=False, **fields)
    Product.objects.filter(pk=mug.pk).update(choice="Teal", **fields)
    page = member("Catalogue").get(preview_url(mug)).text
    assert oat.get_absolute_url() in page
    assert 'aria-current="true">Teal' in page
    assert hidden.get_absolute_url() not in page


@pytest.mark.parametrize(("role", "status"), [("Catalogue", 200), ("Manager", 200), ("Support", 200), ("Packer", 403)])
def test_preview_needs_the_permission_to_view_products(mug: Product, role: str, status: int) -> None:
    assert member(role).get(preview_url(mug)).status_code == status


def test_preview_of_an_unknown_product_is_not_found() -> None:
    client = member("Superuser")
    assert client.get("/admin/products/product/99999999999999999999/preview/").status_code == 404


def test_customers_cannot_see_the_preview(client: Client, mug: Product) -> None:
    client.force_login(make_user("charlie@example.org"))
    assert client.get(preview_url(mug)).url.startswith("/admin/login/")


@pytest.mark.parametrize(("active", "is_linked"), [(False, True), (True, False)])
def test_form_links_to_the_preview_unless_the_product_is_for_sale(active: bool, is_linked: bool) -> None:
    product = make_product(active=active)
    page = member("Catalogue").get(reverse("admin:products_product_change", args=[product.pk])).text
    assert (preview_url(product) in page) == is_linked


def test_preview_of_a_sold_out_product_says_so(mug: Product) -> None:
    Product.objects.filter(pk=mug.pk).update(stock=0)
    assert "Sold out" in member("Catalogue").get(preview_url(mug)).text


def test_preview_reads_no_rows_twice(mug: Product) -> None:
    client = member("Superuser")
    client.get(preview_url(mug))
    with count_queries() as queries:
        client.get(preview_url(mug))
    assert len(queries) <= 12
