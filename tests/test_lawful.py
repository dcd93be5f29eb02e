"""Planted violations of consumer law: `manage.py lawful` finds each, and nothing in a lawful shop or in the demo."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.decorators import login_required
from django.core.management import CommandError, call_command
from django.test import Client

import orders.urls
from carts.models.rates import ShippingMethod
from core.models import GuaranteeNotice, Page, Shop
from ecommerce.law.report import inspect_shop
from tests.lawful_shop import LONG, Plant, Templates, hide_page, make_lawful_shop, make_page
from tests.makers import make_user

pytestmark = pytest.mark.django_db
NOTICE = "carts/snippets/guarantee_notice.html"
SUMMARY = "carts/snippets/order_summary.html"
FOOTER = "snippets/footer.html"
RECEIPT = "orders/emails/withdrawal_receipt.txt"
CONFIRMATION = "orders/emails/confirmation.txt"


@pytest.fixture
def templates(settings: Any, tmp_path: Path) -> Templates:
    return Templates(settings, tmp_path)


@pytest.fixture
def shop() -> None:
    make_lawful_shop()


def lawful() -> str:
    """Return what the command prints, with its error."""
    out = StringIO()
    try:
        call_command("lawful", stdout=out, no_color=True)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def test_lawful_shop_lacks_nothing(shop: None) -> None:
    assert inspect_shop().open == []
    assert "Nothing is missing." in lawful()


@pytest.mark.slow
@pytest.mark.usefixtures("without_renditions")
def test_demo_has_no_false_alarm_and_says_that_its_texts_are_samples() -> None:
    call_command("seed", stdout=StringIO())
    text = lawful()
    assert "Nothing is missing." in text
    assert "The notice of the legal guarantee (Deutsch) is a sample." in text
    assert "The shop takes test payments only, so samples are remarks." in text


@pytest.mark.slow
@pytest.mark.usefixtures("without_renditions")
def test_samples_count_as_missing_with_real_payments(settings: Any) -> None:
    call_command("seed", stdout=StringIO())
    settings.STRIPE_IS_REAL = True
    text = lawful()
    assert "missing: The notice of the legal guarantee (Deutsch) is a sample." in text
    for language in ("English", "Deutsch"):
        assert f"missing: The page “Terms” ({language}) is a sample text." in text


def edit_shop(**values: Any) -> Plant:
    return lambda templates: Shop.objects.update(**values)


def hide(kind: str, language: str = "en-gb") -> Plant:
    return lambda templates: hide_page(kind, language)


def write(kind: str, language: str, draft: str) -> Plant:
    return lambda templates: make_page(kind, language, draft)


def change(name: str, old: str, new: str = "") -> Plant:
    return lambda templates: templates.replace(name, old, new)


def show_notice_after_button(templates: Templates) -> None:
    include = '{% include "carts/snippets/guarantee_notice.html" with notice=agreement.notice %}'
    templates.replace("carts/snippets/checkout_pay.html", include, "")
    templates.replace(SUMMARY, "</aside>", f"{include}</aside>")


VIOLATIONS: dict[str, tuple[str, str, Plant]] = {
    # By what is wrong: the duty, the words of the finding, and how it is planted.
    "the seller's name is missing": ("L1", "The shop has no legal name.", edit_shop(legal_name="")),
    "the street is missing": ("L1", "The shop has no street and number.", edit_shop(street=" ")),
    "the VAT number is missing": ("L1", "The VAT identification number is missing.", edit_shop(vat_id="")),
    "a company has no register number": ("L1", "A company states its number", edit_shop(register_number="")),
    "nobody represents the company": ("L1", "A company states its responsible", edit_shop(responsible_person="")),
    "the imprint is missing": ("L1", "The page “Imprint” is missing (English).", hide("imprint")),
    "the imprint is missing in German": ("L1", "The page “Imprint” is missing (Deutsch).", hide("imprint", "de")),
    "the imprint names no seller": ("L1", "lacks: Wallbuch GmbH", write("imprint", "de", LONG)),
    "the imprint has another phone number": ("L1", "lacks: +1 555", edit_shop(phone="+1 555")),
    "no page links to the imprint": (
        "L1",
        "does not link to the page “Imprint”",
        lambda templates: Page.objects.filter(kind="imprint").update(column=""),
    ),
    "the footer names no seller": (
        "L1",
        "The footer of all pages (English) lacks",
        change(FOOTER, "<address>", "<!--"),
    ),
    "emails name no seller": (
        "L1",
        "The confirmation email (Deutsch) lacks: Wallbuch GmbH",
        lambda templates: templates.write("emails/base.txt", "{% block content %}{% endblock %}\n-- \nShop"),
    ),
    "the terms are missing": ("L2", "The page “Terms” is missing (English).", hide("terms")),
    "the privacy policy is missing in German": (
        "L2",
        "The page “Privacy” is missing (Deutsch).",
        hide("privacy", "de"),
    ),
    "the delivery page is missing": ("L2", "The page “Delivery information” is missing", hide("delivery")),
    "the terms are a stub": ("L2", "has almost no text", write("terms", "de", "Soon.")),
    "no page links to the terms": (
        "L2",
        "does not link to the page “Terms”",
        lambda templates: Page.objects.filter(kind="terms").update(column=""),
    ),
    "the terms are not linked above the button": (
        "L2",
        "is not linked directly above the order button",
        change(SUMMARY, '{% include "carts/snippets/legal_links.html" %}'),
    ),
    "the terms are missing in the email": (
        "L2",
        "does not contain “Terms",
        lambda templates: templates.write(CONFIRMATION, "{{ order.order_id }}"),
    ),
    "the email does not name the items": (
        "L2",
        "The confirmation email (English) lacks: Sample item",
        lambda templates: templates.write("orders/emails/snippets/lines.txt", ""),
    ),
    "the button says something else": (
        "L3",
        "says “Continue",
        change(SUMMARY, '{% translate "Place order and pay" %}', "Continue"),
    ),
    "the button adds words": (
        "L3",
        "not that the order obliges to pay",
        change(SUMMARY, '{% translate "Place order and pay" %}', "Place order and pay later"),
    ),
    "words follow the amount": (
        "L3",
        "not that the order obliges",
        change(SUMMARY, "quote.currency }}</button>", "quote.currency }} without obligation</button>"),
    ),
    "the items do not stand above the button": (
        "L3",
        "Fields stand between the items",
        change(SUMMARY, "{{ line.product.title }}"),
    ),
    "the total does not stand above the button": (
        "L3",
        "Directly above the order button (Deutsch), this is missing",
        change(SUMMARY, '{% include "carts/snippets/totals.html" with totals=quote %}'),
    ),
    "a field stands between the items and the button": (
        "L3",
        "Fields stand between",
        change(SUMMARY, '{% include "carts/snippets/legal_links.html" %}', '<input name="news" type="checkbox">'),
    ),
    "no page links to the withdrawal": (
        "L4",
        "do not link to the withdrawal",
        change(FOOTER, "{% url 'orders:withdraw' %}"),
    ),
    "the link to the withdrawal has other words": (
        "L4",
        "says “Returns”",
        change(FOOTER, '{% translate "Withdraw from contract here" %}', "Returns"),
    ),
    "the receipt has no time": (
        "L4",
        "The receipt of a withdrawal (Deutsch) lacks",
        change(RECEIPT, "shop_exact", "shop_date"),
    ),
    "the receipt does not repeat the name": ("L4", "lacks: Sam Sample", change(RECEIPT, "{{ name }}")),
    "the notice is missing in German": (
        "L5",
        "is missing (Deutsch)",
        lambda templates: GuaranteeNotice.objects.filter(language="de").delete(),
    ),
    "the notice has no text alternative": (
        "L5",
        "has no text alternative",
        lambda templates: GuaranteeNotice.objects.update(text=""),
    ),
    "the file of the notice is gone": (
        "L5",
        "is gone",
        lambda templates: GuaranteeNotice.objects.update(picture="notices/gone.png"),
    ),
    "the notice is behind a link": (
        "L5",
        "does not show the notice",
        lambda templates: templates.write(NOTICE, '<a href="{{ notice.picture.url }}">Your guarantee</a>'),
    ),
    "the picture of the notice is a link": (
        "L5",
        "does not show the notice",
        change(NOTICE, "<img", '<a href="/"><img'),
    ),
    "the notice is folded": ("L5", "does not show the notice", change(NOTICE, "<img", "<details><img")),
    "the notice comes after the button": (
        "L5",
        "does not show the notice",
        show_notice_after_button,
    ),
    "the notice is shown without its words": (
        "L5",
        "on the payment step (Deutsch) has no text alternative",
        change(NOTICE, "{{ notice.text }}"),
    ),
    "the notice is not in the email": ("L5", "does not contain the notice", change(CONFIRMATION, "{{ notice.text }}")),
    "the countries are not named": (
        "L10",
        "does not name the countries",
        change("carts/snippets/order_terms.html", '{% translate "We deliver to all countries." %}'),
    ),
    "the means of payment are not named": (
        "L10",
        "does not name the means of payment",
        change("carts/cart_home.html", '{% include "carts/snippets/order_terms.html" %}'),
    ),
    "no country is served": (
        "L10",
        "No delivery method serves any country.",
        lambda templates: ShippingMethod.objects.update(active=False),
    ),
    "the model form is missing": (
        "L12",
        "has no model withdrawal form",
        write("withdrawal", "de", f"Vierzehn Tage. {{seller}} {LONG}"),
    ),
    "the period is missing": (
        "L12",
        "does not name the period",
        write("withdrawal", "en-gb", f"Model withdrawal form {{seller}} {LONG}"),
    ),
    "the model form has no address": (
        "L12",
        "lacks: Am Wall 7",
        write("withdrawal", "en-gb", f"Model withdrawal form, 14 days {LONG}"),
    ),
    "the box to save the card is ticked": (
        "L14",
        "without the shopper’s own tick",
        change("billing/snippets/card_element.html", 'type="checkbox"', 'type="checkbox" checked'),
    ),
    "the accessibility statement is missing": ("L17", "The page “Accessibility” is missing", hide("accessibility")),
    "no page links to the contact form": (
        "L20",
        "does not link to the contact page",
        lambda templates: templates.write(FOOTER, ""),
    ),
    "the phone number is missing": ("L20", "The shop has no phone number.", edit_shop(phone="")),
    "dispute resolution is not mentioned": ("L21", "does not say whether it takes part", edit_shop(disputes="")),
    "the arbitration body is not named": (
        "L21",
        "The arbitration body and its address are missing.",
        edit_shop(disputes="takes_part"),
    ),
    "a page links to the closed platform": (
        "L21",
        "links to the EU’s former platform",
        write("terms", "de", f"{LONG} https://ec.europa.eu/consumers/odr/"),
    ),
    "the imprint links to the closed platform": (
        "L21",
        "former platform for dispute resolution",
        edit_shop(other_lines="http://ec.europa.eu/odr"),
    ),
}


@pytest.mark.sampled(12)
@pytest.mark.parametrize("violation", VIOLATIONS)
def test_planted_violation_is_found(shop: None, templates: Templates, violation: str) -> None:
    duty, words, plant = VIOLATIONS[violation]
    plant(templates)
    found = [finding.text for report in inspect_shop().open if report.duty.id == duty for finding in report.missing]
    assert any(words in text for text in found), found


def test_withdrawal_that_needs_an_account_is_found(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    [pattern] = [one for one in orders.urls.urlpatterns if one.name == "withdraw"]
    monkeypatch.setattr(pattern, "callback", login_required(pattern.callback))
    assert "The page for withdrawals cannot be opened without signing in." in lawful()


def test_command_fails_while_something_is_missing_and_says_where_to_enter_it(shop: None, settings: Any) -> None:
    settings.SITE_URL = "https://shop.example"
    Shop.objects.update(street="")
    text = lawful()
    assert "L1 Say who sells (Directive 2000/31 Art. 5; § 5 DDG; UK E-Commerce Regulations 2002)" in text
    assert "missing: The shop has no street and number. https://shop.example/admin/core/shop/" in text
    assert text.endswith("1 missing, for 1 duties.")


def test_shop_that_serves_only_the_united_kingdom_needs_no_notice(shop: None) -> None:
    ShippingMethod.objects.update(countries="GB")
    GuaranteeNotice.objects.all().delete()
    Shop.objects.update(disputes="")
    hide_page("accessibility", "de")
    assert inspect_shop().open == []


def test_statement_about_dispute_resolution_is_needed_for_germany_only(shop: None) -> None:
    Shop.objects.update(disputes="")
    ShippingMethod.objects.update(countries="IE, GB")
    assert inspect_shop().open == []
    ShippingMethod.objects.update(countries="IE, DE")
    assert [report.duty.id for report in inspect_shop().open] == ["L21"]


def test_small_business_without_a_vat_number_says_so(shop: None) -> None:
    Shop.objects.update(vat_id="", other_lines="Kein Ausweis von Umsatzsteuer nach § 19 UStG")
    make_page("imprint", "de", "{seller} {email} {phone} {register} {responsible_person} " + LONG)
    assert inspect_shop().open == []


@pytest.mark.parametrize("currency", ["gbp", "jpy", "huf"])
def test_made_up_order_can_be_placed_in_any_shop(shop: None, settings: Any, currency: str) -> None:
    settings.CURRENCY = currency
    ShippingMethod.objects.update(weight_from=5001, price=1000)
    assert inspect_shop().open == []


def test_inspection_writes_nothing(shop: None, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(40) as captured:
        inspect_shop()
    assert [query["sql"] for query in captured if not query["sql"].startswith("SELECT")] == []


# --- the home page of the admin ---


def test_home_page_of_the_admin_lists_what_is_missing_and_where_to_enter_it(admin_client: Client, shop: None) -> None:
    Shop.objects.update(street="")
    page = admin_client.get("/admin/").text
    assert "Before you open" in page
    assert "The shop has no street and number." in page
    assert 'href="/admin/core/shop/"' in page


def test_home_page_of_the_admin_has_no_list_if_nothing_is_missing(admin_client: Client, shop: None) -> None:
    assert "Before you open" not in admin_client.get("/admin/").text


def test_home_page_of_the_admin_opens_in_an_empty_shop(admin_client: Client) -> None:
    ShippingMethod.objects.all().delete()
    Shop.objects.all().delete()
    assert "No delivery method serves any country." in admin_client.get("/admin/").text


def test_staff_who_cannot_change_the_shop_do_not_see_the_list(client: Client) -> None:
    client.force_login(make_user("clerk@example.org", is_staff=True))
    page = client.get("/admin/").text
    assert "Before you open" not in page
    assert "Remarks about consumer law" not in page


def test_list_is_kept_until_a_row_changes(admin_client: Client, shop: None, django_assert_max_num_queries: Any) -> None:
    admin_client.get("/admin/")
    with django_assert_max_num_queries(15):
        admin_client.get("/admin/")
    Shop.objects.update(city="")
    assert "The shop has no city." in admin_client.get("/admin/").text


def test_list_is_in_the_language_of_the_member_of_staff(admin_client: Client, shop: None, settings: Any) -> None:
    Shop.objects.update(street="")
    admin_client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    assert "Vor dem Öffnen" in admin_client.get("/admin/").text
