"""Tests that two saves at the same moment never fail: the second one gets the form with its message."""

from contextlib import suppress
from functools import partial
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import Group
from django.db import IntegrityError
from django.forms import BaseModelForm
from django.test import Client
from django.urls import reverse

from accounts.models import User
from carts.models.rates import Discount, TaxRate
from core.slugs import save_with_unique_slug
from products.models import Category, Product
from tests.makers import EMPTY_PICTURE_FORMSET, make_category, make_product, make_user
from tests.threads import run_in_threads

THREADS = 2
PRODUCT = {"title": "Mug", "price": "9.00", "weight": "0", "option": "", "choice": ""} | EMPTY_PICTURE_FORMSET
TAX = {"title": "VAT", "country": "GB", "region": "", "percent": "20"}
USER = {"usable_password": "true", "password1": "a long walk home", "password2": "a long walk home"}
VARIANT = PRODUCT | {"title": "Mug, teal", "group": "mugs", "option": "Colour", "choice": "teal"}

# For each form: the model, what both members of staff send, what each sends, and the message.
FORMS: dict[str, tuple[Any, dict[str, str], list[dict[str, str]], str]] = {
    "SKU": (Product, PRODUCT, [{"sku": "A-1"}] * 2, "Product with this SKU already exists."),
    "variant": (Product, VARIANT, [{"sku": "A-1"}, {"sku": "A-2"}], "Another product of this group"),
    "tax rate": (TaxRate, TAX, [{}, {}], "There is already a tax rate for this area."),
    "code": (Discount, {"kind": "percent", "value": "5"}, [{"code": "TEN"}, {"code": "ten"}], "already exists."),
    "email": (
        User,
        USER,
        [{"email": "a@example.org"}, {"email": "A@example.org"}],
        "There is already an account",
    ),
    "group": (Group, {"name": "Packers"}, [{}, {}], "Group with this Name already exists."),
}


@pytest.fixture
def boss() -> User:
    return make_user("boss@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first two admin requests wait for each other between validating and saving.

    On SQLite the second request waits for the lock of the first instead, so the first one stops waiting.
    """
    barrier, save_form = Barrier(THREADS), ModelAdmin.save_form

    def meet(self: Any, request: Any, form: Any, change: bool) -> Any:
        with suppress(BrokenBarrierError):
            barrier.wait(0.5)
        return save_form(self, request, form, change)

    monkeypatch.setattr(ModelAdmin, "save_form", meet)


def sign_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def add_in_parallel(model: Any, user: User, common: dict[str, str], own: list[dict[str, str]]) -> list[Any]:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    return run_in_threads(*(partial(sign_in(user).post, url, common | data) for data in own))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", FORMS)
def test_second_of_two_equal_rows_gets_the_form_with_its_message(boss: User, meeting: None, name: str) -> None:
    model, common, own, message = FORMS[name]
    make_product(title="Mug, oat", group="mugs", option="Colour", choice="oat")
    before = model.objects.count()
    pages = sorted(add_in_parallel(model, boss, common, own), key=lambda page: page.status_code)
    assert [page.status_code for page in pages] == [200, 302]
    assert message in pages[0].text
    assert model.objects.count() == before + 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_rows_with_one_title_get_two_slugs(boss: User, meeting: None) -> None:
    pages = add_in_parallel(Product, boss, PRODUCT, [{"sku": "A-1"}, {"sku": "A-2"}])
    pages += add_in_parallel(Category, boss, {"title": "Mugs"}, [{}, {}])
    assert [page.status_code for page in pages] == [302] * 4
    assert sorted(Product.objects.values_list("slug", flat=True)) == ["mug", "mug-2"]
    assert sorted(Category.objects.values_list("slug", flat=True)) == ["mugs", "mugs-2"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_changes_to_one_value_get_one_message(boss: User, meeting: None) -> None:
    products = [make_product(sku=f"A-{number}") for number in range(THREADS)]
    urls = [reverse("admin:products_product_change", args=[product.pk]) for product in products]
    pages = run_in_threads(*(partial(sign_in(boss).post, url, PRODUCT | {"sku": "B-1"}) for url in urls))
    assert sorted(page.status_code for page in pages) == [200, 302]
    assert Product.objects.filter(sku="B-1").count() == 1


@pytest.mark.slow
@pytest.mark.django_db
def test_row_that_validation_did_not_see_is_named_by_the_form(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    make_product(sku="A-1")
    validate, skipped = BaseModelForm.validate_unique, []

    def skip_once(form: Any) -> None:
        skipped.append(form)
        if len(skipped) > 1:
            validate(form)

    monkeypatch.setattr(BaseModelForm, "validate_unique", skip_once)
    page = sign_in(boss).post(reverse("admin:products_product_add"), PRODUCT | {"sku": "A-1"})
    assert "Product with this SKU already exists." in page.text
    assert Product.objects.count() == 1


@pytest.mark.django_db
def test_form_that_the_database_always_rejects_gets_a_message(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def reject(*args: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(ModelAdmin, "save_model", reject)
    page = sign_in(boss).post(reverse("admin:products_category_add"), {"title": "Mugs"}, follow=True)
    assert "Nothing was saved" in page.text
    assert not Category.objects.exists()


@pytest.mark.django_db
def test_slug_that_was_just_taken_is_followed_by_the_next() -> None:
    make_category("Mugs")
    category, slugs = Category(title="Mugs"), ["mugs", "mugs", "mugs-2"]

    def save() -> None:
        category.slug = slugs.pop(0)
        super(Category, category).save()

    save_with_unique_slug(category, save)
    assert (category.slug, slugs) == ("mugs-2", [])


@pytest.mark.django_db
def test_row_that_is_rejected_for_another_reason_is_not_saved_again() -> None:
    product = make_product(sku="A-1")
    with pytest.raises(IntegrityError):
        Product.objects.create(sku="A-1", title=product.title + " 2", price=1)
