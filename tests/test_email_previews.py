"""Tests for the email previews in the admin: no secrets, nothing is sent, a strict policy, and permissions."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import AccountMail
from billing.models import CardMail
from orders.emails import queue, sending
from orders.models import Mail
from tests.makers import make_paid_order, make_user
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
SAMPLES = [("orders_mail", kind) for kind in Mail.Kind.values]
SAMPLES += [("accounts_accountmail", kind) for kind in AccountMail.Kind.values]
SAMPLES += [("billing_cardmail", kind) for kind in CardMail.Kind.values]


@pytest.fixture
def staff(client: Client) -> Client:
    """Return the client of a superuser."""
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def sample_url(admin: str, kind: str, page: str = "sample") -> str:
    return reverse(f"admin:{admin}_{page}", args=[kind])


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("admin", "kind"), SAMPLES)
def test_each_kind_has_a_preview_that_sends_and_writes_nothing(staff: Client, admin: str, kind: str) -> None:
    make_paid_order()
    with count_queries() as queries:
        page, html = staff.get(sample_url(admin, kind)), staff.get(sample_url(admin, kind, "sample_html"))
    assert page.context["email_message"].subject
    assert page.context["email_message"].body.strip()
    assert sample_url(admin, kind, "sample_html") in page.text
    assert html.text.startswith("<!doctype html>")
    assert not [query for query in queries if query.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert mail.outbox == []


def test_changelist_links_to_previews_of_kinds_and_rows(staff: Client) -> None:
    row = queue.queue(make_paid_order(), Mail.Kind.CONFIRMATION)
    assert row is not None
    assert sample_url("orders_mail", "shipped") in staff.get(reverse("admin:orders_mail_changelist")).text
    url = reverse("admin:orders_mail_preview", args=[row.pk])
    assert url in staff.get(reverse("admin:orders_mail_change", args=[row.pk])).text
    assert "guest@example.org" in staff.get(url).text


def test_preview_does_not_contain_the_guest_order_key(staff: Client) -> None:
    row = queue.queue(make_paid_order(), Mail.Kind.CONFIRMATION)
    assert row is not None
    pages = [staff.get(reverse(f"admin:orders_mail_{name}", args=[row.pk])) for name in ("preview", "preview_html")]
    sending.send(row)
    assert "?key=" in mail.outbox[0].body
    assert [page.status_code for page in pages] == [200, 200]
    assert not any("key=" in page.text for page in pages)


@pytest.mark.parametrize("kind", AccountMail.Kind.values)
def test_preview_does_not_contain_account_links(staff: Client, kind: str) -> None:
    user = make_user()
    row = AccountMail.objects.create(kind=kind, to=user.email, user=user)
    page = staff.get(reverse("admin:accounts_accountmail_preview_html", args=[row.pk]))
    # The email about a change has no link.
    assert ("/link-only-for-the-recipient/" in page.text) == (kind != AccountMail.Kind.CHANGED)
    assert "/accounts/" not in page.text


def test_email_html_is_sandboxed_and_framed_only_by_the_admin(staff: Client) -> None:
    make_paid_order()
    page, html = (staff.get(sample_url("orders_mail", "confirmation", name)) for name in ("sample", "sample_html"))
    policy = set(html.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src 'none'", "style-src 'unsafe-inline'", "base-uri 'none'", "form-action 'none'",
        "frame-ancestors 'self'", "sandbox",
    }  # fmt: skip
    assert html.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"


def test_preview_without_orders_shows_a_message(staff: Client) -> None:
    assert "There is nothing to preview" in staff.get(sample_url("orders_mail", "shipped"), follow=True).text
    assert staff.get(sample_url("orders_mail", "shipped", "sample_html")).status_code == 404


def test_preview_of_an_outdated_row_shows_a_message(staff: Client) -> None:
    row = queue.queue(make_paid_order(), Mail.Kind.REFUNDED, about="999")
    assert row is not None
    assert (
        "There is nothing to preview"
        in staff.get(reverse("admin:orders_mail_preview", args=[row.pk]), follow=True).text
    )


@pytest.mark.parametrize("path", ["999/preview/", "999/preview/html/", "samples/nothing/", "samples/nothing/html/"])
def test_preview_of_an_unknown_row_or_kind_is_not_found(staff: Client, path: str) -> None:
    assert staff.get(reverse("admin:orders_mail_changelist") + path).status_code == 404


@pytest.mark.parametrize(
    ("permissions", "status"), [([], 403), (["view_mail"], 403), (["view_mail", "view_order"], 200)]
)
def test_previews_require_permission_to_view_orders(client: Client, permissions: list[str], status: int) -> None:
    make_paid_order()
    user: Any = make_user("desk@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    assert {
        client.get(sample_url("orders_mail", "shipped", page)).status_code for page in ("sample", "sample_html")
    } == {status}


def test_preview_redirects_customers_to_the_login(client: Client) -> None:
    make_paid_order()
    client.force_login(make_user("charlie@example.org"))
    assert client.get(sample_url("orders_mail", "shipped", "sample_html")).url.startswith("/admin/login/")
