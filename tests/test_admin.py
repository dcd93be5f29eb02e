"""Tests for the list and change pages of all admins."""

from html import unescape

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from core.models import Shop
from orders.workflow.payments import settle
from orders.workflow.refunds import RefundRequest, refund
from stripe_simulator.server import Simulator
from tests.makers import buy, make_category, make_discount, make_product, make_tax
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


def test_admin_redirects_visitors_to_the_login(client: Client) -> None:
    assert client.get(reverse("admin:index")).status_code == 302
