"""Tests that the admin has no dead links, and that no input to its forms is an error of the server."""

import itertools
import re
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core.admin import ReadOnlyAdmin
from stripe_simulator.server import Simulator
from tests.makers import buy, make_category, make_discount, make_product, make_shop, make_tax, make_user
from tests.markup import parse_html
from tests.test_admin_lists import LISTS

pytestmark = pytest.mark.django_db
MAX_ROWS = 2  # of each list
LINK = re.compile(r'<a\b[^>]*\bhref="([^"]*)"')


@pytest.fixture
def shop(simulator: Simulator) -> None:
    """Fill a shop with rows of every model that the admin shows."""
    for number, make in enumerate(LISTS.values(), 1):
        make(number)
    make_tax()
    make_discount()
    product = make_product(category=make_category())
    buy(Client(), product)
    make_product(active=False)
    Group.objects.create(name="Packers")


def sign_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def model_pages(model: Any) -> list[str]:
    """Return the URLs of the pages of a model: its list, the add page, and all pages of some rows."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    pages = [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
    for row in model._default_manager.order_by("-pk")[:MAX_ROWS]:
        pages += [reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "history", "delete")]
    return pages


def links_of(url: str, html: str) -> set[str]:
    """Return the URLs of the links on a page, without fragments and other hosts."""
    found = {urljoin(url, unescape(link)).partition("#")[0] for link in LINK.findall(html)}
    return {link for link in found if urlsplit(link)[:2] in (("", ""), ("http", "testserver"))}


def crawl(client: Client, start: list[str], depth: int = 99) -> dict[str, tuple[int, str]]:
    """Open these pages and the pages that they link to, and so on up to `depth`.

    Return the status and the linking page of each URL. Of pages that differ only in their row or in the values of
    their query, open one. Links on lists that are filtered or sorted are not followed.
    """
    found: dict[str, tuple[int, str]] = {}
    seen, queue = set(), [(url, "", depth) for url in start]
    for url, source, left in queue:  # The list grows during the loop.
        kind = re.sub(r"=[^&]*", "=", re.sub(r"^(/admin/\w+/\w+)/\d+/", r"\1/#/", url))
        if url in found or (source and kind in seen):
            continue
        seen.add(kind)
        page = client.get(url, follow=urlsplit(url).path.startswith("/admin/r/"))
        found[url] = (page.status_code, source)
        if left and page.status_code == 200 and url.startswith("/admin/") and "?" not in url:
            queue += [(link, url, left - 1) for link in sorted(links_of(url, page.text))]
        if page.streaming:
            page.getvalue()  # closes the file
    return found


JUNK = {
    "nothing": "",
    "long": "x" * 4_000,  # in all fields together less than a form may have
    "digits": "9" * 400,
    "NUL": "a\x00b",
    "number": "1e999",
    "not a number": "NaN",
    "negative": "-99999999999999999999",
    "date": "0000-99-99",
    "late date": "9999-12-31",
    "time": "99:99:99",
    "unknown row": "99999999",
    "lines": "a\r\nb\u2028c",
    "markup": '"><script>alert(1)</script>',
}
WRITABLE = {model for model, site_admin in admin.site._registry.items() if not isinstance(site_admin, ReadOnlyAdmin)}
FORMS = sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in WRITABLE)


@pytest.fixture
def boss() -> Client:
    """Return the client of a superuser."""
    return sign_in(make_user("boss@example.org", is_staff=True, is_superuser=True))


def form_data(html: str) -> dict[str, Any]:
    """Return the names and values that a browser would send with the forms of a page."""
    page = parse_html(html)
    data: dict[str, Any] = {}
    for element in [*page.all("input"), *page.all("select"), *page.all("textarea")]:
        name = element.attrs.get("name", "")
        if name and element.attrs.get("type") not in ("submit", "file"):
            data[name] = element.attrs.get("value", element.text if element.tag == "textarea" else "")
    return data


@pytest.mark.slow
def test_superuser_finds_no_dead_link(shop: None, boss: Client) -> None:
    """Follow the links of some pages. The test below opens all pages."""
    product, category = (reverse(f"admin:products_{name}_changelist") for name in ("product", "category"))
    found = crawl(boss, [product, category], depth=1)
    assert {url: status for url, (status, _source) in found.items() if status not in (200, 302)} == {}


@pytest.mark.slow
def test_superuser_finds_no_dead_link_in_the_whole_admin(shop: None, boss: Client) -> None:
    pages = [page for model in admin.site._registry for page in model_pages(model)]
    found = crawl(boss, ["/admin/", *pages])
    dead = {url: (status, source) for url, (status, source) in found.items() if status not in (200, 302)}
    assert {url: status for url, (status, source) in dead.items() if source or status != 403} == {}


@pytest.mark.slow
@pytest.mark.parametrize("app", sorted({model._meta.app_label for model in admin.site._registry}))
def test_each_permission_alone_leads_to_no_error(shop: None, app: str) -> None:
    for permission in Permission.objects.filter(content_type__app_label=app).select_related("content_type"):
        user = make_user(f"{permission.codename}@example.org", is_staff=True)
        user.user_permissions.add(permission)
        model: Any = permission.content_type.model_class()
        pages = model_pages(model)[:5] if admin.site.is_registered(model) else []
        found = crawl(sign_in(user), ["/admin/", *pages], depth=1)
        statuses = {url: status for url, (status, _source) in found.items() if status not in (200, 302, 403)}
        assert statuses == {}, permission.codename


@pytest.mark.slow
def test_order_has_no_link_to_the_page_of_its_shopper(simulator: Simulator, boss: Client) -> None:
    order = buy(Client(), make_product())
    page = boss.get(reverse("admin:orders_order_change", args=[order.pk])).text
    assert "View on site" not in page
    assert order.get_absolute_url() not in page


@pytest.mark.parametrize("active", [True, False])
def test_product_links_to_its_page_while_it_is_for_sale(boss: Client, active: bool) -> None:
    product = make_product(active=active)
    page = boss.get(reverse("admin:products_product_change", args=[product.pk])).text
    assert ("View on site" in page) == active


def test_staff_cannot_add_an_address_without_a_billing_profile(boss: Client) -> None:
    assert boss.post(reverse("admin:addresses_address_add"), {"name": "Gia"}).status_code == 403
    assert "/admin/addresses/address/add/" not in boss.get("/admin/").text


@pytest.mark.sampled(8)
@pytest.mark.parametrize("page", ["add", "change"])
@pytest.mark.parametrize("name", FORMS)
def test_form_answers_junk_in_all_fields(boss: Client, name: str, page: str) -> None:
    for url in form_urls(name, page):
        data = form_data(boss.get(url).text)
        for kind, junk in JUNK.items():
            sent = {field: value if "_FORMS" in field else junk for field, value in data.items()}
            assert boss.post(url, sent).status_code < 400, kind
        assert boss.post(url, {}).status_code < 500


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
def test_form_answers_junk_in_each_field(boss: Client, name: str) -> None:
    """Send one kind of junk in each field. The test above sends every kind."""
    kinds = itertools.cycle(["nothing", "digits", "NUL", "unknown row", "late date", "negative"])
    for url in [*form_urls(name, "add"), *form_urls(name, "change")]:
        data = form_data(boss.get(url).text)
        for field, kind in zip(data, kinds, strict=False):
            assert boss.post(url, data | {field: JUNK[kind]}).status_code < 500, (field, kind)


def form_urls(name: str, page: str) -> list[str]:
    """Return the URL of a form that staff can send, if there is one. Create the row that it changes."""
    if page == "add":
        return [] if name == "addresses_address" else [reverse(f"admin:{name}_add")]
    row: Any = Group.objects.create(name="Packers") if name == "auth_group" else None
    row = make_shop() if name == "core_shop" else row
    if row is None:
        LISTS[name](1)
        row = apps.get_model(*name.split("_"))._default_manager.order_by("-pk")[0]
    return [reverse(f"admin:{name}_change", args=[row.pk])]


def test_list_rejects_keys_and_years_that_no_query_can_have(boss: Client) -> None:
    url = reverse("admin:orders_order_changelist")
    for year in ("0", "0000", "99999", "9" * 40):
        assert boss.get(f"{url}?placed_at__year={year}").url == f"{url}?e=1", year
    assert boss.get(f"{url}?placed_at__year=2026").status_code == 200
    for key in ("abc", "9" * 40):
        page = boss.post(url, {"action": "settle", "_selected_action": [key]}, follow=True)
        assert "No items have been changed." in page.text


@pytest.mark.parametrize(
    "query",
    [
        "email__regex=(",
        "id__range=1",
        "placed_at__iso_year=0",
    ],
)
def test_list_rejects_a_query_that_the_database_cannot_run(boss: Client, query: str) -> None:
    url = reverse("admin:orders_order_changelist")
    assert boss.get(f"{url}?{query}").url == f"{url}?e=1"
    assert boss.post(f"{url}?{query}", {"action": "settle", "_selected_action": ["1"]}).url == f"{url}?e=1"


@pytest.mark.parametrize("dates", ["{0}__year=9999", "{0}__year=9999&{0}__month=12&{0}__day=31"])
def test_last_year_of_the_calendar_is_no_error(boss: Client, dates: str) -> None:
    url = reverse("admin:admin_logentry_changelist")  # It shows the months of a year above the list.
    assert boss.get(f"{url}?{dates.format('action_time')}").url == f"{url}?e=1"
    orders = reverse("admin:orders_order_changelist")
    assert boss.get(f"{orders}?{dates.format('placed_at')}").status_code == 200


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_list_rejects_a_number_that_the_database_cannot_store() -> None:
    boss = sign_in(make_user("boss@example.org", is_staff=True, is_superuser=True))
    assert boss.get(f"{reverse('admin:orders_order_changelist')}?total__gt=1e99999999").status_code < 400


def test_add_form_ignores_dates_in_its_url(boss: Client) -> None:
    url = reverse("admin:carts_discount_add")
    page = boss.get(f"{url}?code=SPRING&starts=9999-99-99&ends=0001-01-01T00:00:00Z")
    assert 'value="SPRING"' in page.text


@pytest.mark.parametrize("key", ["٣", "²", "9" * 40])
def test_email_page_answers_keys_that_no_row_has(boss: Client, key: str) -> None:
    assert boss.get(f"/admin/orders/mail/{key}/change/").status_code == 302


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LISTS))
def test_list_answers_junk_in_its_query(boss: Client, name: str) -> None:
    url = reverse(f"admin:{name}_changelist")
    site_admin = admin.site.get_model_admin(apps.get_model(*name.split("_")))
    filters = [entry[0] if isinstance(entry, tuple) else entry for entry in site_admin.list_filter]
    queries = [
        "q=%00",
        f"q={'x' * 5000}",
        "o=zz",
        "o=99",
        "p=99999999999",
        "p=-1",
        "_to_field=nope",
        "nope=1",
        "id__in=a",
    ]
    for field in [entry for entry in filters if isinstance(entry, str)]:
        ends = ("", "__exact", "__isnull", "__id__exact", "__isempty", "__gte", "__year")
        queries += [f"{field}{end}={junk}" for end in ends for junk in ("abc", "9" * 40, "0000-99-99")]
    for query in queries:
        assert boss.get(f"{url}?{query}").status_code < 500, query
    for key in ("abc", "_00", "9" * 40, "-1"):
        for page in ("change", "history", "delete"):
            assert boss.get(f"{url}{key}/{page}/").status_code < 500, (key, page)
        for action in ("nope", "delete_selected"):
            assert boss.post(url, {"action": action, "_selected_action": [key]}).status_code < 500, (key, action)
        rows = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": key}
        assert boss.post(url, rows | {"_save": "1"}).status_code < 500, key
    assert boss.post(url, {"_save": "1", "form-TOTAL_FORMS": "abc"}).status_code < 500
