"""Tests for the row about the shop: what pages and emails show of it, its form in the admin, its pictures and check."""

from io import BytesIO
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.tests.mailbox import send_due_emails
from core.apps import fill_new_shop
from core.emails.messages import build_email
from core.models import Shop
from core.page_cache.versions import SITE
from core.shop import current
from core.shop.checks import check_shop
from core.shop.pictures import MAX_BYTES
from core.shop.structured_data import seller
from core.shop.vat_ids import clean_vat_id
from products.tests.test_uploads import make_image
from tests.admin_forms import open_form
from tests.makers import make_product, make_shop, make_user
from tests.moved_versions import moved_versions
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
CHANGE = "/admin/core/shop/1/change/"
FACTS = {
    "legal_name": "Bücher Nordlicht", "legal_form": "GmbH", "street": "Deichweg 3", "postcode": "28195",
    "city": "Bremen", "country": "DE", "register": "Amtsgericht Bremen", "register_number": "HRB 1", "vat_id":
    "DE123456789",
}  # fmt: skip


@pytest.fixture
def staff() -> Client:
    """Return the client of a superuser."""
    client = Client()
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


# The row


def test_settings_stand_in_while_there_is_no_row(client: Client, settings: Any) -> None:
    settings.SITE_NAME, settings.SUPPORT_EMAIL = "Nordlicht", "post@nordlicht.example"
    assert current.current_shop().pk == 1
    page = client.get("/accounts/login/").text
    assert ("Nordlicht</title>" in page, "mailto:post@nordlicht.example" in page) == (True, True)
    assert not Shop.objects.exists()


def test_first_migration_fills_the_row_from_the_settings(settings: Any) -> None:
    settings.SITE_NAME, settings.SUPPORT_EMAIL = "Nordlicht", "post@nordlicht.example"
    settings.DEFAULT_FROM_EMAIL = "Buchladen <shop@nordlicht.example>"
    step = type("Step", (), {"app_label": "core", "name": "0003_shop"})
    fill_new_shop(apps, [])  # as in a test database that was emptied
    fill_new_shop(apps, [(step, True)])  # the migration is undone
    assert not Shop.objects.exists()
    fill_new_shop(apps, [(step, False)])
    row = Shop.objects.get()
    assert (row.name, row.email, row.sender_name) == ("Nordlicht", "post@nordlicht.example", "Buchladen")
    assert row.is_open
    settings.SITE_NAME = "Another"
    fill_new_shop(apps, [(step, False)])
    assert Shop.objects.get().name == "Nordlicht"


def test_there_is_one_row() -> None:
    make_shop()
    with transaction.atomic(), pytest.raises(IntegrityError):
        Shop.objects.create(pk=2, name="Second", email="a@shop.example")
    with transaction.atomic(), pytest.raises(IntegrityError):
        Shop.objects.create(name="Second", email="a@shop.example")


def test_change_is_on_the_next_page_and_costs_no_query_after_that(client: Client, page_cache: None) -> None:
    make_product()
    make_shop(name="Before")
    assert "Before</title>" in client.get("/products/").text
    Shop.objects.update(name="After")
    assert "After</title>" in client.get("/products/").text
    with count_queries() as queries:
        client.get("/products/")
    assert len(queries) == 1  # the versions


def test_page_that_is_not_stored_reads_only_the_version(client: Client) -> None:
    make_shop()
    client.get("/accounts/login/")
    with count_queries() as queries:
        client.get("/accounts/login/")
    assert [query for query in queries if "core_shop" in query] == []
    assert len(queries) == 1


def test_every_way_to_change_the_row_moves_the_version_of_all_pages() -> None:
    row = make_shop()
    for number, change in enumerate([
        lambda: Shop.objects.update(tagline="A"), lambda: make_shop(tagline="B"), row.delete,
    ]):  # fmt: skip
        with moved_versions() as moved:
            change()
        assert SITE in moved, number


def test_deleted_row_is_replaced_by_the_settings(client: Client) -> None:
    make_shop(name="Nordlicht").delete()
    assert "Nordlicht" not in client.get("/accounts/login/").text


def test_error_pages_show_what_the_process_has_read() -> None:
    make_shop(name="Nordlicht")
    current.current_shop()
    with count_queries() as queries:
        assert current.known_shop().name == "Nordlicht"
    assert queries == []


# Emails and structured data


def test_email_names_the_shop_as_sender_and_its_seller_in_both_parts(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "Old name <shop@nordlicht.example>"
    make_shop(name="Nordlicht", sender_name="Nordlicht, Bücher", email="post@nordlicht.example", **FACTS)
    context = {"url": "http://127.0.0.1/", "email": "ann@example.org"}
    message = build_email("accounts/emails/verify", "Hello", "ann@example.org", "<1@shop.example>", context)
    header = message.message()
    assert "shop@nordlicht.example" in header["From"]
    assert current.sender_address() == "=?utf-8?q?Nordlicht=2C_B=C3=BCcher?= <shop@nordlicht.example>"
    assert message.reply_to == ["post@nordlicht.example"]
    html = str(message.alternatives[0][0])
    for fact in ("Bücher Nordlicht, GmbH", "Deichweg 3", "28195 Bremen", "Germany", "HRB 1", "DE123456789"):
        assert fact in message.body
        assert fact in html


def test_email_of_a_shop_with_markup_in_its_name_is_escaped() -> None:
    make_shop(name="<b>Nordlicht</b>", legal_name="<i>A & B</i>")
    context = {"url": "http://127.0.0.1/", "email": "ann@example.org"}
    message = build_email("accounts/emails/verify", "Hello", "ann@example.org", "<1@shop.example>", context)
    assert "<i>A & B</i>" in message.body
    assert "<i>A" not in str(message.alternatives[0][0])


@pytest.mark.parametrize(("country", "line"), [("GB", "Bath BA1 1AA"), ("DE", "BA1 1AA Bath")])
def test_postcode_is_where_the_country_writes_it(country: str, line: str) -> None:
    assert line in Shop(city="Bath", postcode="BA1 1AA", country=country).address_lines


def test_subject_has_the_name_of_the_row(client: Client) -> None:
    make_user("ann@example.org")
    make_shop(name="Nordlicht")
    client.post(reverse("accounts:password_reset"), {"email": "ann@example.org"})
    send_due_emails()
    assert [message.subject for message in mail.outbox] == ["Reset your password at Nordlicht"]


def test_phone_number_in_the_footer_starts_a_call(client: Client) -> None:
    make_shop(name="Nordlicht", phone="+49 (421) 1-23")
    assert '<a href="tel:+49421123">+49 (421) 1-23</a>' in client.get("/contact/").text


def test_structured_data_names_the_seller() -> None:
    make_shop(name="Nordlicht", phone="+49 421 1", **FACTS)
    data = seller()
    assert (data["name"], data["legalName"], data["vatID"]) == ("Nordlicht", "Bücher Nordlicht", "DE123456789")
    assert data["address"]["addressCountry"] == "DE"


# The admin


def test_list_in_the_admin_is_the_only_row(staff: Client) -> None:
    url = reverse("admin:core_shop_changelist")
    assert staff.get(url).url == reverse("admin:core_shop_add")
    make_shop()
    assert staff.get(url).url == CHANGE
    assert staff.get(reverse("admin:core_shop_add")).status_code == 403
    assert staff.get(reverse("admin:core_shop_delete", args=[1])).status_code == 403


def test_row_can_be_added_if_there_is_none(staff: Client, settings: Any) -> None:
    form = open_form(staff, reverse("admin:core_shop_add"))
    assert form.data["name"] == [settings.SITE_NAME]
    assert form.submit(tagline="New").status_code == 302
    assert Shop.objects.get().tagline == "New"


def test_staff_without_the_permission_cannot_change_the_shop(client: Client) -> None:
    make_shop()
    client.force_login(make_user("clerk@example.org", is_staff=True))
    assert client.get(CHANGE).status_code == 403
    assert client.get(reverse("admin:core_shop_changelist")).status_code == 403


@pytest.mark.parametrize(
    ("field", "value"),
    [("vat_id", "DE12"), ("vat_id", "12"), ("country", "XX"), ("country", "D"), ("email", "post"), ("name", ""),
     ("disputes", "maybe"), ("dispatch_days", "0"), ("tagline", "x" * 151), ("legal_name", "a\x00b")],
)  # fmt: skip
def test_invalid_value_changes_nothing(staff: Client, field: str, value: str) -> None:
    make_shop(name="Nordlicht")
    before = Shop.objects.values().get()
    page = open_form(staff, CHANGE).submit(**{field: value})
    assert page.status_code == 200
    assert field in page.context["adminform"].form.errors
    assert Shop.objects.values().get() == before


def test_vat_id_and_country_are_stored_in_one_spelling(staff: Client) -> None:
    make_shop()
    assert open_form(staff, CHANGE).submit(vat_id="de 123.456-789", country="de").status_code == 302
    row = Shop.objects.get()
    assert (row.vat_id, row.country, row.country_name) == ("DE123456789", "DE", "Germany")


@pytest.mark.parametrize(
    "number", ["ATU12345678", "FRXX123456789", "NL123456789B01", "GB123456789", "CHE123456789MWST"]
)
def test_vat_id_of_a_known_shape_is_accepted(number: str) -> None:
    assert clean_vat_id(number) == number


@pytest.mark.parametrize("number", ["", "DE", "DE12345678", "ZZ123456789", "DE\uff1123456789", "DE123456789\nX"])
def test_vat_id_of_another_shape_is_rejected(number: str) -> None:
    with pytest.raises(ValueError, match="VAT"):
        clean_vat_id(number)


# Pictures


def upload(staff: Client, name: str, content: bytes) -> Any:
    form = open_form(staff, CHANGE)
    data = form.data | {"_save": ["Save"], "logo": SimpleUploadedFile(name, content)}
    return staff.post(CHANGE, {key: value[0] if isinstance(value, list) else value for key, value in data.items()})


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.webp", "WEBP")])
def test_logo_is_on_the_pages(staff: Client, client: Client, name: str, kind: str) -> None:
    make_shop()
    assert upload(staff, name, make_image(kind)).status_code == 302
    url = Shop.objects.get().logo.url
    assert f'<img src="{url}"' in client.get("/accounts/login/").text
    assert Image.open(BytesIO(b"".join(client.get(url).streaming_content))).format == kind


def test_logo_loses_data_other_than_its_pixels(staff: Client) -> None:
    make_shop()
    exif = Image.Exif()
    exif[0x010F] = "Secret camera"
    assert upload(staff, "a.jpg", make_image("JPEG", exif=exif) + b"<script>alert(1)</script>").status_code == 302
    with Shop.objects.get().logo.open() as file:
        content = file.read()
    assert b"Secret camera" not in content
    assert b"<script>" not in content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("a.png", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("a.gif", make_image("GIF")),
        ("a.png", make_image("GIF")),
        ("a.png", make_image("JPEG")),
        ("a.html", make_image("PNG")),
        ("a.png", make_image("PNG") + b"x" * MAX_BYTES),
        ("a.png", make_image("PNG", size=(3001, 10))),
        ("a.png", b""),
    ],
)
def test_other_file_is_rejected_with_a_field_error(staff: Client, name: str, content: bytes) -> None:
    make_shop()
    page = upload(staff, name, content)
    assert page.status_code == 200
    assert "logo" in page.context["adminform"].form.errors
    assert Shop.objects.get().logo.name == ""


def test_size_of_the_picture_of_the_home_page_is_stored(staff: Client, client: Client) -> None:
    make_shop()
    form = open_form(staff, CHANGE)
    data = {name: value[0] for name, value in form.data.items()}
    file = SimpleUploadedFile("home.png", make_image("PNG", size=(60, 30)))
    assert staff.post(CHANGE, data | {"_save": "Save", "home_picture": file}).status_code == 302
    row = Shop.objects.get()
    assert (row.home_picture_width, row.home_picture_height) == (60, 30)
    assert f'src="{row.home_picture.url}" alt="" width="60" height="30"' in client.get("/").text


# Texts


def test_empty_texts_fall_back_to_the_name(client: Client) -> None:
    make_shop(name="Nordlicht")
    page = client.get("/").text
    assert ("<h1>Nordlicht</h1>" in page, '<meta name="description" content="Nordlicht">' in page) == (True, True)


def test_texts_of_the_shop_are_in_the_language_of_the_catalog(client: Client) -> None:
    make_shop(home_title="Good books", tagline="Read more")
    client.cookies["django_language"] = "de"
    page = client.get("/").text
    assert '<h1 lang="en-gb">Good books</h1>' in page
    assert '<span lang="en-gb">Read more</span>' in page


@pytest.mark.parametrize(("days", "text"), [(None, "In stock<"), (1, "within 1 day<"), (3, "within 3 days<")])
def test_product_page_says_when_orders_ship(client: Client, days: int | None, text: str) -> None:
    make_shop(dispatch_days=days)
    assert text in client.get(make_product(stock=50).get_absolute_url()).text


# The check


def test_check_warns_where_the_row_differs_from_the_settings(settings: Any) -> None:
    assert check_shop(["default"]) == []
    make_shop(name="Nordlicht")
    [warning] = check_shop(["default"])
    assert (warning.id, "SITE_NAME" in warning.msg, bool(warning.hint)) == ("core.W001", True, True)
    settings.SITE_NAME = "Nordlicht"
    assert check_shop(["default"]) == []
    settings.SITE_NAME = "Shop"  # nobody has set it
    assert check_shop(["default"]) == []


def test_model_rejects_what_the_form_rejects() -> None:
    with pytest.raises(ValidationError):
        Shop(name="A", email="a@shop.example", vat_id="1").full_clean()
