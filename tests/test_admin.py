"""Tests for the list and change pages of all admins."""

import re
from html import unescape

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core.models import Page, Shop
from orders.models import Order
from orders.workflow.payments import settle
from orders.workflow.refunds import RefundRequest, refund
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import buy, make_category, make_discount, make_product, make_tax, make_user
from tests.markup import parse_html
from tests.test_admin_lists import LISTS

pytestmark = pytest.mark.django_db
MODELS = [model for model in admin.site._registry if model._meta.app_label != "auth"]


@pytest.fixture
def staff(client: Client, admin_client: Client, simulator: Simulator) -> Client:
    """Return a staff client of a shop with a refund, a dispute, a tax rate, a discount and a password reset."""
    Client().post(reverse("accounts:password_reset"), {"email": "guest@example.org"})
    make_tax()
    make_discount()
    order = buy(Client(), make_product(category=make_category()))
    refund(order, RefundRequest(order.total, order.amount_refunded, by="staff"))
    disputed = buy(Client(), make_product())
    simulator.open_dispute(str(disputed.payment_intent_id))
    settle(disputed)
    return admin_client


def admin_url(model: type[Model], page: str, *args: int) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.slow
def test_changelists_can_be_searched(staff: Client) -> None:
    for model in set(MODELS) - {Shop}:  # its list is its only row
        page = staff.get(admin_url(model, "changelist"), {"q": "no-row-has-this"})
        assert admin.site._registry[model].search_fields, model
        assert page.context["cl"].result_count == 0, model


@pytest.mark.slow
def test_change_pages_open(staff: Client) -> None:
    for number, model in enumerate(MODELS):
        if not model._default_manager.exists():
            LISTS[model._meta.label_lower.replace(".", "_")](number)
        row = model._default_manager.first()
        page = staff.get(admin_url(model, "change", row.pk))
        assert str(row) in page.context["title"] + unescape(page.text), model


@pytest.mark.parametrize("model", [User, Product, Order], ids=str)
def test_lists_load_no_scripts_of_forms(admin_client: Client, model: type[Model]) -> None:
    page = admin_client.get(admin_url(model, "changelist")).text
    assert "admin/js/actions" in page
    assert "jquery" not in page


def test_list_that_chooses_a_row_for_a_form_loads_the_scripts_of_forms(admin_client: Client) -> None:
    assert "admin/RelatedObjectLookups" in admin_client.get(admin_url(Product, "changelist"), {"_popup": 1}).text


def test_form_loads_scripts_for_slugs_only_if_it_has_a_slug(admin_client: Client) -> None:
    assert "xregexp" in admin_client.get(admin_url(Page, "add")).text
    assert "xregexp" not in admin_client.get(admin_url(Product, "add")).text


@pytest.mark.parametrize(("model", "name"), [(Group, "permissions"), (User, "groups"), (User, "user_permissions")])
def test_rights_are_checkboxes(admin_client: Client, model: type[Model], name: str) -> None:
    group, user = Group.objects.create(name="Florists"), make_user("anna@example.org")
    row = group if model is Group else user
    fields = parse_html(admin_client.get(admin_url(model, "change", row.pk)).text).all("input", name=name)
    assert {field.attrs["type"] for field in fields} == {"checkbox"}


def test_password_of_a_user_is_valid_html(admin_client: Client) -> None:
    page = admin_client.get(admin_url(User, "change", make_user("anna@example.org").pk)).text
    assert parse_html(page).one("div", id="id_password")
    assert not re.search(r"<div[^>]* disabled", page)


def test_admin_redirects_visitors_to_the_login(client: Client) -> None:
    assert client.get(reverse("admin:index")).status_code == 302
