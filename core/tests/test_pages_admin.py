"""Tests for the admin of pages: drafts, previews, publishing, and versions that nobody changes."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from core.models import ContactMail, Page, PageText
from core.pages.publishing import publish
from tests.admin_forms import open_form, run_action
from tests.makers import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def page() -> Page:
    page: Page = Page.objects.create(kind="terms", slug="terms", title="Terms", draft="First **text**.")
    return page


def staff_with(client: Client, *codenames: str) -> Client:
    user = make_user("clerk@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


def preview(client: Client, page: Page) -> Any:
    return client.get(f"/admin/core/page/{page.pk}/preview/")


def press_publish(client: Client, page: Page) -> Any:
    found = re.search(r'name="digest" value="(\w+)"', preview(client, page).text)
    digest = found[1] if found else ""
    return client.post(f"/admin/core/page/{page.pk}/publish/", {"digest": digest})


def test_draft_is_previewed_and_then_published(admin_client: Client, client: Client, page: Page) -> None:
    assert "/preview/" in admin_client.get(f"/admin/core/page/{page.pk}/change/").text
    shown = preview(admin_client, page)
    assert "First <strong>text</strong>." in shown.text
    assert '<meta name="robots" content="noindex">' in shown.text
    assert client.get("/pages/terms/").status_code == 404
    assert press_publish(admin_client, page).headers["Location"] == f"/admin/core/page/{page.pk}/change/"
    assert "First <strong>text</strong>." in client.get("/pages/terms/").text
    history = admin_client.get(f"/admin/core/page/{page.pk}/history/").text
    assert "Published." in history


def test_draft_that_was_changed_after_the_preview_is_not_published(admin_client: Client, page: Page) -> None:
    digest = re.search(r'name="digest" value="(\w+)"', preview(admin_client, page).text)
    Page.objects.filter(pk=page.pk).update(draft="Second text.")
    assert digest
    for sent in (digest[1], "", "x"):
        answer = admin_client.post(f"/admin/core/page/{page.pk}/publish/", {"digest": sent})
        assert answer.headers["Location"] == f"/admin/core/page/{page.pk}/preview/"
    assert not PageText.objects.exists()
    assert press_publish(admin_client, page).status_code == 302
    assert PageText.objects.get().text == "Second text."


def test_pressing_publish_twice_adds_one_version(admin_client: Client, page: Page) -> None:
    press_publish(admin_client, page)
    press_publish(admin_client, page)
    assert PageText.objects.count() == 1


def test_only_staff_with_the_permission_publish(client: Client, page: Page) -> None:
    staff = staff_with(client, "view_page", "change_page", "add_page", "delete_page")
    shown = preview(staff, page)
    assert shown.status_code == 200
    assert 'name="digest"' not in shown.text
    assert press_publish(staff, page).status_code == 403
    listed = staff.get("/admin/core/page/").text
    assert 'value="publish"' not in listed
    answer = staff.post("/admin/core/page/", {"action": "publish", "_selected_action": page.pk})
    assert answer.status_code in (302, 200)
    assert not PageText.objects.exists()


@pytest.mark.parametrize("codenames", [(), ("view_order",)])
def test_preview_is_hidden_from_others(client: Client, page: Page, codenames: tuple[str, ...]) -> None:
    assert preview(staff_with(client, *codenames), page).status_code == 403


def test_preview_sends_strangers_to_the_login(client: Client, page: Page) -> None:
    assert preview(client, page).url.startswith("/admin/login/")
    assert client.post(f"/admin/core/page/{page.pk}/publish/").status_code == 302
    assert not PageText.objects.exists()


def test_preview_of_a_page_that_does_not_exist_is_not_found(admin_client: Client) -> None:
    assert admin_client.get("/admin/core/page/999/preview/").status_code == 404
    assert admin_client.get("/admin/core/page/1/publish/").status_code == 405


def test_list_publishes_and_unpublishes_pages(admin_client: Client, client: Client, page: Page) -> None:
    assert "1 page was published." in run_action(admin_client, "/admin/core/page/", "publish", page).text
    assert client.get("/pages/terms/").status_code == 200
    assert "1 page was unpublished." in run_action(admin_client, "/admin/core/page/", "unpublish", page).text
    assert client.get("/pages/terms/").status_code == 404


def test_unknown_placeholder_is_rejected(admin_client: Client, page: Page) -> None:
    form = open_form(admin_client, f"/admin/core/page/{page.pk}/change/")
    answer = form.submit(draft="Write to {emial} or {email}.")
    assert "There is no such placeholder: {emial}." in answer.text
    page.refresh_from_db()
    assert page.draft == "First **text**."


def test_second_page_of_a_kind_and_language_is_rejected_with_a_message(admin_client: Client, page: Page) -> None:
    data = {"kind": "terms", "language": "en-gb", "title": "More", "slug": "more", "draft": "", "position": "0"}
    data |= {"texts-TOTAL_FORMS": "0", "texts-INITIAL_FORMS": "0"}
    answer = admin_client.post("/admin/core/page/add/", data)
    assert "There is a page of this kind in this language already." in answer.text
    answer = admin_client.post("/admin/core/page/add/", data | {"language": "de"})
    assert answer.status_code == 302
    assert Page.objects.count() == 2


def test_published_page_keeps_its_kind_and_language_and_cannot_be_deleted(admin_client: Client, page: Page) -> None:
    publish(page)
    shown = admin_client.get(f"/admin/core/page/{page.pk}/change/").text
    assert 'name="language"' not in shown
    assert 'name="kind"' not in shown
    assert "The versions of a published page are kept" in admin_client.get(f"/admin/core/page/{page.pk}/delete/").text
    admin_client.post(f"/admin/core/page/{page.pk}/delete/", {"post": "yes"})
    assert Page.objects.filter(pk=page.pk).exists()


def test_draft_that_was_never_published_can_be_deleted(admin_client: Client, page: Page) -> None:
    assert admin_client.post(f"/admin/core/page/{page.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Page.objects.exists()


def test_versions_and_messages_are_read_only(admin_client: Client, page: Page) -> None:
    text = publish(page)
    mail = ContactMail.objects.create(to="shop@example.org", name="Gia", sender="g@example.org", message="Hello")
    for row, name in ((text, "pagetext"), (mail, "contactmail")):
        assert row is not None
        url = f"/admin/core/{name}/{row.pk}"
        shown = admin_client.get(f"{url}/change/")
        assert shown.status_code == 200
        assert 'name="_save"' not in shown.text
        assert admin_client.post(f"{url}/change/", {"title": "x"}).status_code == 403
        assert admin_client.post(f"{url}/delete/", {"post": "yes"}).status_code == 403


def test_list_actions_are_logged(admin_client: Client, page: Page) -> None:
    for action in ("publish", "unpublish", "unpublish"):
        run_action(admin_client, "/admin/core/page/", action, page)
    assert list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True)) == [
        "Published.",
        "Unpublished.",
    ]
