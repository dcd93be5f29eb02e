"""Tests of what each role of staff may open and do in the admin: a table of all pages and actions.

The pages and actions are those of the admin site's registry, so a new admin fails the tests until it has a row here.
"""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import URLPattern, reverse

from accounts.models import Role, User
from accounts.staff.roles import make_roles
from orders.models import Order, Refund
from stripe_simulator.server import Simulator
from tests.admin_forms import ship_page_form
from tests.makers import buy, make_product, make_user
from tests.test_admin_lists import LISTS

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
ROLES = ("Packer", "Support", "Catalogue", "Manager")
SEE = "changelist change history"
EDIT = "changelist +add +change +delete history action:delete_selected"
EMAILS = f"{SEE} +preview +preview_html +sample +sample_html"
OWN = "+second_factor"  # of a member of staff who has none
USER = f"changelist +change history +auth_user_password_change +erase {OWN}"
STEPS = "+acknowledge +cancel +cancel_missing +revoke_links +settle"
ORDER = (
    f"{SEE} +refund +restock +erase +correct_address +correct_email +resend +note {STEPS} "
    "action:acknowledge_alerts action:cancel_missing_intent action:cancel_unpaid action:revoke_links action:settle"
)
PRODUCT = f"{EDIT} preview +copy +stock action:publish action:unpublish"
DISCOUNT = f"{EDIT} action:deactivate"
PAGE, SHOP = f"{EDIT} +preview +publish action:publish action:unpublish", "changelist +change history"
CUSTOMER, NOTE = f"{SEE} +erase +export +note", f"{SEE} +delete action:delete_selected"
WITHDRAWAL = f"{SEE} +arrived +assign +close +receipt"
DELIVER, ATTEMPTS = "+delivered", f"{SEE} +delete action:delete_selected"
PACK = "+ship +ship_many ship_next slips action:print_notes action:print_slips action:ship_orders"


def row(everyone: str = "", **roles: str) -> dict[str, str]:
    """Return a row of the table. What is not named is refused."""
    return {role: f"{everyone} {roles.get(role.lower(), '')}" for role in (*ROLES, "Superuser")}


# Pages and actions of each admin. A plus means that the page can be submitted too.
TABLE = {
    "core.contactmail": row(support=SEE, manager=SEE, superuser=SEE),
    "core.guaranteenotice": row(manager=EDIT, superuser=EDIT),
    "core.page": row(manager=PAGE, superuser=PAGE),
    "core.pagetext": row(manager=SEE, superuser=SEE),
    "core.shop": row(manager=SHOP, superuser=SHOP),
    "orders.orderlinkmail": row(support=SEE, manager=SEE, superuser=SEE),
    "orders.carrier": row(packer=SEE, manager=EDIT, superuser=EDIT),
    "orders.shipment": row(
        packer=f"{SEE} {DELIVER}", support=f"{SEE} +correct_tracking", manager=f"{SEE} {DELIVER} +correct_tracking",
        superuser=f"{SEE} {DELIVER} +correct_tracking",
    ),
    "orders.withdrawal": row(support=WITHDRAWAL, manager=WITHDRAWAL, superuser=WITHDRAWAL),
    "accounts.accountmail": row(support=EMAILS, manager=EMAILS, superuser=EMAILS),
    "accounts.guestemail": row(support=f"{SEE} +erase", manager=f"{SEE} +erase", superuser=f"{SEE} +erase"),
    "accounts.user": row(OWN, support=USER, manager=f"{USER} +add", superuser=f"{USER} +add +second_factor_reset"),
    "addresses.address": row(
        support=f"{SEE} +change", manager=f"{SEE} +change", superuser=f"{SEE} +change +delete action:delete_selected"
    ),
    "admin.logentry": row(manager=SEE, superuser=SEE),
    "auth.group": row(superuser=EDIT),
    "axes.accessattempt": row(support=ATTEMPTS, manager=ATTEMPTS, superuser=ATTEMPTS),
    "billing.billingprofile": row(support=CUSTOMER, manager=CUSTOMER, superuser=CUSTOMER),
    "billing.cardattempt": row(manager=SEE, superuser=SEE),
    "billing.cardmail": row(support=EMAILS, manager=EMAILS, superuser=EMAILS),
    "billing.stripeevent": row(manager=SEE, superuser=SEE),
    "carts.cart": row(support=SEE, manager=SEE, superuser=SEE),
    "carts.discount": row(manager=DISCOUNT, superuser=DISCOUNT),
    "carts.shippingmethod": row(manager=EDIT, superuser=EDIT),
    "carts.taxrate": row(manager=EDIT, superuser=EDIT),
    "carts.wrongcode": row(manager=SEE, superuser=SEE),
    "orders.customernote": row(support=NOTE, manager=NOTE, superuser=NOTE),
    "orders.dispute": row(support=SEE, manager=SEE, superuser=SEE),
    "orders.mail": row(support=EMAILS, manager=EMAILS, superuser=EMAILS),
    "orders.order": row(
        packer=f"{SEE} {PACK} +note", support=ORDER, manager=f"{ORDER} {PACK} +export",
        superuser=f"{ORDER} {PACK} +export",
    ),
    "orders.refund": row(
        support=f"{SEE} action:retry_mismatch_refund", manager=f"{SEE} action:retry_mismatch_refund",
        superuser=f"{SEE} action:retry_mismatch_refund",
    ),
    "orders.withdrawalmail": row(support=SEE, manager=SEE, superuser=SEE),
    "products.homesection": row(catalogue=EDIT, manager=EDIT, superuser=EDIT),
    "products.category": row(catalogue=EDIT, manager=EDIT, superuser=EDIT),
    "products.product": row(support=f"{SEE} preview", catalogue=PRODUCT, manager=PRODUCT, superuser=PRODUCT),
    "products.stockmovement": row(catalogue=SEE, manager=SEE, superuser=SEE),
}  # fmt: skip


@pytest.fixture(autouse=True)
def new_shop() -> None:
    """Make the roles as the first migration does. Tests that commit have deleted them."""
    Role.objects.all().delete()
    Group.objects.all().delete()
    make_roles()


def make_member(role: str) -> User:
    """Return a member of staff with this role, or a superuser."""
    user = make_user(f"{role.lower()}@example.org", is_staff=True, is_superuser=role == "Superuser")
    user.groups.set(Group.objects.filter(name=role))
    return user


def pages_of(model_admin: Any) -> dict[str, URLPattern]:
    """Return the patterns of the admin's pages by their names without the name of the model."""
    prefix = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}_"
    named = [pattern for pattern in model_admin.get_urls() if pattern.name]
    return {pattern.name.removeprefix(prefix): pattern for pattern in named}


def url_of(model_admin: Any, pattern: URLPattern, row: Model) -> str:
    values = {"kind": next(iter(getattr(model_admin, "_kinds", dict)()), "")}
    return reverse(
        f"admin:{pattern.name}",
        kwargs={name: values.get(name, row.pk) for name in pattern.pattern.converters},  # all others are keys
    )


def is_allowed(client: Client, method: str, url: str) -> bool:
    """Send an empty request and check that it is not refused. Undo what it changes."""
    with transaction.atomic():
        response = getattr(client, method)(url)
        transaction.set_rollback(True)
    return bool(response.status_code not in (403, 404, 405))


def found(user: User, label: str) -> set[str]:
    """Return the pages and actions of a model that this user may use."""
    model_admin: Any = next(one for one in admin.site._registry.values() if one.opts.label_lower == label)
    shown = make_row(model_admin)
    client = Client()
    client.force_login(user)
    allowed = set()
    for page, pattern in pages_of(model_admin).items():
        url = url_of(model_admin, pattern, shown)
        can_open, can_submit = (is_allowed(client, method, url) for method in ("get", "post"))
        is_form = page not in ("changelist", "history")
        allowed |= {f"{'+' if can_submit and is_form else ''}{page}"} if can_open or can_submit else set()
    request = RequestFactory().get("/")
    request.user = User.objects.get(pk=user.pk)
    actions = model_admin.get_actions(request) if model_admin.has_view_permission(request) else {}
    return allowed | {f"action:{action}" for action in actions}


def make_row(model_admin: Any) -> Model:
    """Make a row of this model that belongs to no person."""
    rows = model_admin.model._default_manager
    before = set(rows.values_list("pk", flat=True))
    make = LISTS.get(model_admin.opts.label_lower.replace(".", "_"))
    if make:
        make(1)
    else:
        Group.objects.create(name="Helpers")
    made: Model = rows.exclude(pk__in=before).order_by("pk")[0]
    return made


def test_table_has_a_row_for_each_admin() -> None:
    assert set(TABLE) == {model._meta.label_lower for model in admin.site._registry}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("label", TABLE)
def test_role_may_do_what_the_table_says_and_no_more(label: str) -> None:
    members = {role: make_member(role) for role in (*ROLES, "Superuser")}
    for role, expected in TABLE[label].items():
        with transaction.atomic():
            assert found(members[role], label) == set(expected.split()) - overruled(expected), role
            transaction.set_rollback(True)


def overruled(expected: str) -> set[str]:
    """Return the pages that a row names twice, with and without a plus."""
    return {name.removeprefix("+") for name in expected.split() if name.startswith("+")}


@pytest.mark.parametrize(
    ("role", "apps"),
    [
        ("Packer", "orders"),
        ("Support", "accounts addresses axes billing carts core orders products"),
        ("Catalogue", "products"),
        ("Manager", "accounts addresses admin axes billing carts core orders products"),
    ],
)
def test_home_lists_only_what_the_role_may_see(role: str, apps: str) -> None:
    client = Client()
    client.force_login(make_member(role))
    groups = client.get("/admin/").context["app_list"]
    listed = {model["model"]._meta.app_label for group in groups for model in group["models"]}
    assert listed == set(apps.split())
    pages = {app: client.get(f"/admin/{app}/").status_code for app in {label.split(".")[0] for label in TABLE}}
    assert {app for app, status in pages.items() if status == 200} == listed


def test_packer_sees_the_lines_of_an_order_and_never_refunds(simulator: Simulator) -> None:
    order = buy(Client(), make_product(title="Oat mug"))
    client = Client()
    client.force_login(make_member("Packer"))
    page = client.get(reverse("admin:orders_order_change", args=[order.pk])).text
    refund = reverse("admin:orders_order_refund", args=[order.pk])
    assert ("Oat mug" in page, refund in page) == (True, False)
    assert client.post(refund, {"amount": "1.00"}).status_code == 403
    client.post(reverse("admin:orders_order_ship", args=[order.pk]), ship_page_form(client, order))
    order.refresh_from_db()
    assert order.status == Order.Status.SHIPPED
    assert (order.amount_refunded, Refund.objects.count()) == (0, 0)
