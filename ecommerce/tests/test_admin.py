"""Every page of the admin, with rows behind it."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from billing.simulator.server import Simulator
from ecommerce.tests.makers import buy, make_category, make_product

pytestmark = pytest.mark.django_db
OURS = [model for model in admin.site._registry if model._meta.app_label != "auth"]


@pytest.fixture
def staff(client: Client, admin_client: Client, simulator: Simulator) -> Client:
    """Staff of a shop in which somebody has bought something."""
    buy(Client(), make_product(category=make_category()))
    return admin_client


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_list_can_be_searched_and_filtered(staff: Client, model: type) -> None:
    options = admin.site._registry[model]
    page = staff.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), {"q": "zzz"})
    assert options.search_fields
    assert page.context["cl"].result_count == 0


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_row_opens(staff: Client, model: type) -> None:
    row = model.objects.first()
    if row is None:  # only what this purchase leaves no row of
        assert model._meta.label == "billing.StripeEvent"
        return
    page = staff.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk]))
    assert str(row) in page.context["title"] + page.text


def test_visitor_is_sent_to_the_login(client: Client) -> None:
    assert client.get(reverse("admin:index")).status_code == 302
