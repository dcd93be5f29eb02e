"""Mails as staff may read them in the admin: the same words, no secret, nothing sent, no rights for what they hold."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import AccountMail
from ecommerce.tests.makers import make_paid_order, make_user
from ecommerce.tests.visitors import count_queries
from orders import mails
from orders.models import Mail

pytestmark = pytest.mark.django_db
SAMPLES = [("orders_mail", kind) for kind in Mail.Kind.values]
SAMPLES += [("accounts_accountmail", kind) for kind in AccountMail.Kind.values]


@pytest.fixture
def staff(client: Client) -> Client:
    """The browser of a member of staff who may do everything."""
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def sample(admin: str, kind: str, page: str = "sample") -> str:
    return reverse(f"admin:{admin}_{page}", args=[kind])


@pytest.mark.parametrize(("admin", "kind"), SAMPLES)
def test_each_kind_is_shown_from_a_sample_and_nothing_is_sent_or_written(staff: Client, admin: str, kind: str) -> None:
    make_paid_order()
    with count_queries() as queries:
        page, html = staff.get(sample(admin, kind)), staff.get(sample(admin, kind, "sample_html"))
    assert page.context["letter"].subject
    assert page.context["letter"].body.strip()
    assert sample(admin, kind, "sample_html") in page.text
    assert html.text.startswith("<!doctype html>")
    assert not [query for query in queries if query.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert mail.outbox == []


def test_lists_lead_to_the_samples_and_rows_to_their_mail(staff: Client) -> None:
    row = mails.queue(make_paid_order(), Mail.Kind.CONFIRMATION)
    assert row is not None
    assert sample("orders_mail", "shipped") in staff.get(reverse("admin:orders_mail_changelist")).text
    address = reverse("admin:orders_mail_preview", args=[row.pk])
    assert address in staff.get(reverse("admin:orders_mail_change", args=[row.pk])).text
    assert "guest@example.org" in staff.get(address).text


def test_key_of_a_guests_order_is_not_shown(staff: Client) -> None:
    row = mails.queue(make_paid_order(), Mail.Kind.CONFIRMATION)
    assert row is not None
    pages = [staff.get(reverse(f"admin:orders_mail_{name}", args=[row.pk])) for name in ("preview", "preview_html")]
    mails.send(row)
    assert "?key=" in mail.outbox[0].body
    assert [page.status_code for page in pages] == [200, 200]
    assert not any("key=" in page.text for page in pages)


@pytest.mark.parametrize("kind", AccountMail.Kind.values)
def test_link_of_an_account_mail_is_not_shown(staff: Client, kind: str) -> None:
    user = make_user()
    row = AccountMail.objects.create(kind=kind, to=user.email, user=user)
    page = staff.get(reverse("admin:accounts_accountmail_preview_html", args=[row.pk]))
    assert ("/a-link-for-the-receiver-alone/" in page.text) == (kind != AccountMail.Kind.CHANGED)  # which has none
    assert "/accounts/" not in page.text


def test_html_of_a_mail_has_no_rights_and_is_framed_by_us_alone(staff: Client) -> None:
    make_paid_order()
    page, html = (staff.get(sample("orders_mail", "confirmation", name)) for name in ("sample", "sample_html"))
    policy = set(html.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src 'none'", "style-src 'unsafe-inline'", "base-uri 'none'", "form-action 'none'",
        "frame-ancestors 'self'", "sandbox",
    }  # fmt: skip
    assert html.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"


def test_shop_without_orders_has_no_sample_and_says_so(staff: Client) -> None:
    assert "There is nothing to preview" in staff.get(sample("orders_mail", "shipped"), follow=True).text
    assert staff.get(sample("orders_mail", "shipped", "sample_html")).status_code == 404


def test_mail_that_is_true_no_more_is_said_to_be_none(staff: Client) -> None:
    row = mails.queue(make_paid_order(), Mail.Kind.REFUNDED, about="999")
    assert row is not None
    assert (
        "There is nothing to preview"
        in staff.get(reverse("admin:orders_mail_preview", args=[row.pk]), follow=True).text
    )


@pytest.mark.parametrize("path", ["999/preview/", "999/preview/html/", "samples/nothing/", "samples/nothing/html/"])
def test_mail_that_is_not_there_is_not_found(staff: Client, path: str) -> None:
    assert staff.get(reverse("admin:orders_mail_changelist") + path).status_code == 404


@pytest.mark.parametrize(("rights", "status"), [([], 403), (["view_mail"], 403), (["view_mail", "view_order"], 200)])
def test_mails_are_read_by_staff_who_may_see_orders(client: Client, rights: list[str], status: int) -> None:
    make_paid_order()
    user: Any = make_user("desk@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    assert {client.get(sample("orders_mail", "shipped", page)).status_code for page in ("sample", "sample_html")} == {
        status
    }


def test_customer_is_sent_to_the_login(client: Client) -> None:
    make_paid_order()
    client.force_login(make_user("charlie@example.org"))
    assert client.get(sample("orders_mail", "shipped", "sample_html")).url.startswith("/admin/login/")
