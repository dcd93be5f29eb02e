"""Tests of variants and related products, on the product page and in the admin."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from products.models import Product
from products.related import get_related, get_variant_options, get_variants, pictures_of
from tests.makers import EMPTY_PICTURE_FORMSET, add_to_cart, make_category, make_product, make_user
from tests.visitors import count_queries, fill_cart

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


def variant(choice: str, second: str = "", **fields: Any) -> Product:
    """Create a mug with this glaze and, if `second` is set, this size."""
    size = {"second_option": "Size", "second_choice": second} if second else {}
    number = Product.objects.count()  # with leading zeros, because variants are sorted by SKU as text
    named = {"title": f"Mug, {choice} {second}".strip(), "group": "mug", "option": "Glaze", "choice": choice}
    named |= {"sku": f"V-{number:03}"}
    return make_product(**named | size | fields)


def offered_choices(product: Product) -> dict[str, list[tuple[str, str, bool, str]]]:
    """Return the choices of each option as tuples of name, title of the product, `is_current` and `other_value`."""
    found = get_variant_options(product, get_variants(product))
    return {name: [(c.name, c.product.title, c.is_current, c.other_value) for c in choices] for name, choices in found}


def test_variants_are_offered_by_their_option() -> None:
    teal, _oat, _other = variant("Teal"), variant("Oat"), variant("Oat", group="bowl")
    assert offered_choices(teal) == {"Glaze": [("Teal", "Mug, Teal", True, ""), ("Oat", "Mug, Oat", False, "")]}


def test_second_option_prefers_variants_with_the_same_first_choice() -> None:
    variant("Teal", "S"), variant("Teal", "L")
    small_oat = variant("Oat", "S")
    assert offered_choices(small_oat) == {
        "Glaze": [("Teal", "Mug, Teal S", False, ""), ("Oat", "Mug, Oat S", True, "")],
        "Size": [("S", "Mug, Oat S", True, ""), ("L", "Mug, Teal L", False, "Teal")],
    }


def test_product_without_other_variants_on_sale_offers_no_choice() -> None:
    teal = variant("Teal")
    variant("Oat", active=False)
    assert offered_choices(teal) == offered_choices(make_product()) == {}


def test_page_marks_current_and_sold_out_variants(client: Client) -> None:
    teal, oat = variant("Teal"), variant("Oat", stock=0)
    page = client.get(teal.get_absolute_url()).text
    assert f'href="{teal.get_absolute_url()}" aria-current="true">Teal</a>' in page
    assert f'href="{oat.get_absolute_url()}" class="is-sold-out">Oat <small>sold out</small></a>' in page


def test_cart_names_the_variant(client: Client) -> None:
    add_to_cart(client, variant("Teal"))
    assert ">Mug, Teal</a>" in client.get(reverse("carts:home")).text


def test_related_products_share_the_category_but_not_the_group() -> None:
    category = make_category()
    mug = variant("Teal", category=category)
    variant("Oat", category=category)
    make_product(category=make_category("Bowls"))
    make_product(category=category, stock=0)
    make_product(category=category, active=False)
    related = [make_product(category=category) for _ in range(5)][:0:-1]
    assert get_related(mug) == related


def test_related_card_has_no_cart_button(client: Client) -> None:
    category = make_category()
    product, other = make_product(category=category), make_product(category=category, title="Bowl")
    page = client.get(product.get_absolute_url()).text
    assert f'<a href="{other.get_absolute_url()}">Bowl</a>' in page
    assert f'name="product_id" value="{product.pk}"' in page
    assert f'name="product_id" value="{other.pk}"' not in page


def test_related_products_are_found_behind_many_variants() -> None:
    category = make_category()
    others = [make_product(category=category) for _ in range(5)]
    mug, *_others = [variant(f"Glaze {number}", category=category) for number in range(15)]
    assert get_related(mug) == others[:0:-1]


def test_related_products_are_those_of_now() -> None:
    mug, bowl = (make_product(category=make_category(title)) for title in ("Mugs", "Bowls"))
    first = make_product(category=mug.category)
    assert get_related(mug) == [first]
    first.category = bowl.category
    first.save()
    assert (get_related(mug), get_related(bowl)) == ([], [first])


@pytest.mark.parametrize("count", [2, 20])
def test_detail_needs_four_queries_regardless_of_related_products(client: Client, count: int) -> None:
    category = make_category()
    products = [variant(f"Glaze {number}", category=category) for number in range(count)]
    for _ in range(count):
        make_product(category=category)
    client.get(products[1].get_absolute_url())  # the categories and the newest products of this one are kept
    with count_queries() as queries:
        client.get(products[0].get_absolute_url())
    assert len(queries) == 4


def test_detail_needs_three_queries_for_a_visitor_with_a_cart(client: Client) -> None:
    product = fill_cart(client, 3)
    Product.objects.update(category=make_category())
    client.get(product.get_absolute_url())
    with count_queries() as queries:
        client.get(product.get_absolute_url())
    assert len(queries) == 3  # the session, the product and the versions


def test_pictures_that_are_kept_hold_nothing_of_the_visitor(client: Client) -> None:
    product = make_product()
    product.pictures.create(image="products/mug.webp")
    add_to_cart(client, product, 2)
    client.get(product.get_absolute_url())
    [picture] = pictures_of(product)
    assert not hasattr(picture.product, "in_cart")


def test_duplicate_choice_in_a_group_is_rejected_by_the_database() -> None:
    variant("Teal")
    with pytest.raises(IntegrityError), transaction.atomic():
        variant("Teal")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": "Mug"}, "it must include the choice: “Oat” is missing."),
        ({"choice": "Teal", "title": "Mug, teal"}, "Another product of this group has the same choice."),
        ({"choice": ""}, "Enter the choice of this variant"),
        ({"option": ""}, "Enter the name of the option"),
        ({"group": ""}, "Choose the group"),
        ({"second_option": "Size"}, "A second option needs a choice"),
        ({"second_option": "Size", "second_choice": "L"}, "“L” is missing."),
    ],
)
def test_inconsistent_variant_is_rejected_with_a_field_error(client: Client, changes: dict, message: str) -> None:
    client.force_login(make_user("staff@example.org", is_staff=True, is_superuser=True))
    variant("Teal")
    oat = variant("Oat")
    data = {"sku": oat.sku, "title": "Mug, oat", "price": "1.00", "weight": "0", "group": "mug", "option": "Glaze"}
    data |= {"choice": "Oat", "active": "on"} | EMPTY_PICTURE_FORMSET
    url = reverse("admin:products_product_change", args=[oat.pk])
    assert message in client.post(url, data | changes).text
    assert Product.objects.get(pk=oat.pk).title == "Mug, Oat"
    assert client.post(url, data).status_code == 302
