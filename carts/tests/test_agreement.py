"""Tests for the signed agreement: what is in it, its size, and that only unchanged data of this version is read."""

import random
import string
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core import signing
from django.utils import translation
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from addresses.models import Address
from carts.models import CartItem
from carts.models.capacity import MAX_LINES
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.optional_details import OPTIONAL_DETAILS
from carts.pricing.agreement import MAX_SIGNED_LENGTH, SALT, Agreement, format_address, read_signed
from carts.pricing.quotes import quote
from carts.pricing.rules import PricingRules
from core.requests.body_limits import FORM_BYTES
from orders.models import Order
from products.models import Product


def make_agreement(*products: Product, **details: str) -> Agreement:
    """Return an agreement for one unit of each product, without a database."""
    lines = [CartItem(product=product, quantity=1) for product in products or [make_product()]]
    texts = {"shipping_address_text": "Anna\n1 Right Street", "billing_address_text": "Anna\n1 Right Street"}
    rules = PricingRules([], [])
    return Agreement(
        **{"quote": quote(lines, rules=rules), "email": "anna@example.org", "language": "en-gb", **texts} | details  # type: ignore[arg-type]
    )


def make_product(number: int = 7, **fields: Any) -> Product:
    return Product(**{"pk": number, "title": "Mug", "price": Decimal("16.00"), "image": ""} | fields)


def test_signed_agreement_can_be_read() -> None:
    agreement = make_agreement(billing_address_text="Bob\n99 Other Road")
    facts = read_signed(agreement.signed())
    assert facts == agreement.facts()
    assert (facts["email"], facts["language"]) == ("anna@example.org", "en-gb")
    assert (facts["shipping_address_text"], facts["billing_address_text"]) == (
        "Anna\n1 Right Street", "Bob\n99 Other Road",
    )  # fmt: skip


def test_unchanged_agreement_has_no_differences() -> None:
    assert make_agreement().differences(read_signed(make_agreement().signed())) == []


# --- signatures and structure ---


def flipped(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda signed: flipped(signed, 3),
        lambda signed: flipped(signed, -2),
        lambda signed: signed.rsplit(":", 1)[0],
        lambda signed: "",
        lambda signed: "\x00",
        lambda signed: signing.dumps({"lines": {}, "total": "0.01"}),
        lambda signed: signing.dumps({"lines": {}, "language": "en-gb"}, salt=SALT, key="another key"),
    ],
)
def test_modified_signature_is_rejected(tamper: Callable[[str], str]) -> None:
    with pytest.raises(signing.BadSignature):
        read_signed(tamper(make_agreement().signed()))


def test_form_signed_by_an_earlier_version_is_rejected() -> None:
    earlier = {
        "lines": {"7": [1, "16.00"]}, "shipping": [1, "Standard delivery", "4.95"], "discount": ["", "0.00"],
        "tax": [], "total": "20.95", "currency": "gbp",
    }  # fmt: skip
    for salt in ("quote", SALT):
        with pytest.raises(signing.BadSignature):
            read_signed(signing.dumps(earlier, salt=salt, compress=True))


GOOD = {"lines": {"7": [1, "16.00", "Mug", "a", "b", [14, "c"]]}, "language": "en-gb"}


@pytest.mark.parametrize(
    "wrong",
    [
        None, [], "text", 7, {}, {"lines": {}}, {"language": "en-gb"},
        GOOD | {"lines": []}, GOOD | {"lines": {"7": None}}, GOOD | {"lines": {"7": [1, "16.00"]}},
        GOOD | {"lines": {"x": GOOD["lines"]["7"]}}, GOOD | {"lines": {"9" * 19: GOOD["lines"]["7"]}},  # type: ignore[index]
        GOOD | {"language": "xx"}, GOOD | {"language": None}, GOOD | {"language": ["en-gb"]},
    ],
)  # fmt: skip
def test_signed_data_with_another_structure_is_rejected(wrong: Any) -> None:
    longest = GOOD | {"lines": {"9" * 18: GOOD["lines"]["7"]}}  # type: ignore[index]
    assert [read_signed(signing.dumps(facts, salt=SALT)) for facts in (GOOD, longest)] == [GOOD, longest]
    with pytest.raises(signing.BadSignature):
        read_signed(signing.dumps(wrong, salt=SALT))


@pytest.mark.parametrize("payload", ["x", ".x", ".eJw", "e30", "AAAA", "!!!!"])
def test_signed_data_that_cannot_be_decoded_is_rejected(payload: str) -> None:
    with pytest.raises(signing.BadSignature):
        read_signed(signing.TimestampSigner(salt=SALT).sign(payload))


@pytest.mark.parametrize("name", [name for name in make_agreement().facts() if name not in ("lines", "language")])
@pytest.mark.parametrize("value", [7.5, [], {"a": 1}, "\x00"])
def test_fact_of_another_type_differs_with_a_message(name: str, value: Any) -> None:
    agreement = make_agreement()
    shown = agreement.facts() | {name: value}
    assert agreement.differences(shown)[-1].startswith("Your order has changed.")
    del shown[name]
    assert agreement.differences(shown)


# --- size ---

ALPHABETS = {
    "ASCII": string.ascii_letters + string.digits,
    "CJK": [chr(number) for number in range(0x4E00, 0x9FFF)],
    "emoji": [chr(number) for number in range(0x1F300, 0x1FAFF)],
    "rare CJK": [chr(number) for number in range(0x20000, 0x2A6DF)],
}


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
def test_longest_texts_of_a_hundred_lines_fit_into_the_form(alphabet: Any) -> None:
    chance = random.Random(7)  # noqa: S311 - texts that do not compress, not secrets

    def text(model: Any, name: str) -> str:
        return "".join(chance.choices(alphabet, k=model._meta.get_field(name).max_length))

    products = [
        make_product(10**9 + number, title=text(Product, "title"), image=text(Product, "image"))
        for number in range(MAX_LINES)
    ]
    names = ["name", "line_1", "line_2", "city", "city_area", "state", "postal_code", "sorting_code"]
    shipping, billing = ["\n".join(text(Address, name) for name in names) for _kind in range(2)]
    email = "".join(chance.choices(string.ascii_lowercase, k=254))
    optional = {name: text(Order, name) for name in OPTIONAL_DETAILS}
    agreement = make_agreement(
        *products, shipping_address_text=shipping, billing_address_text=billing, email=email, **optional
    )
    assert len(agreement.signed()) < MAX_SIGNED_LENGTH / 2
    assert MAX_SIGNED_LENGTH < FORM_BYTES
    assert read_signed(agreement.signed()) == agreement.facts()


# --- titles and languages ---


@pytest.mark.parametrize("title", ["x" * 39 + "y", "x" * 149, "x" * 150, "x" * 149 + "y", "Ä" * 75 + "A\u0308" * 37])
def test_every_character_of_a_title_is_signed(title: str) -> None:
    shown = make_agreement(make_product(title=title)).facts()
    for other in (title[:-1], title[:-1] + "z", title.swapcase(), " " + title):
        assert make_agreement(make_product(title=other)).facts() != shown


def test_facts_are_the_same_in_every_language() -> None:
    agreement = make_agreement(make_product(title="x" * 150))
    shown = agreement.facts()
    with translation.override("de"):
        assert agreement.facts() == shown


def test_address_is_formatted_in_the_given_language() -> None:
    address = Address(name="Anna", line_1="1 Right Street", city="Ulm", postal_code="89073", country="DE")
    with translation.override("de"):
        assert format_address(address, "en-gb").endswith("\nGermany")
    assert format_address(address, "de").endswith("\nDeutschland")
    assert format_address(None, "de") == ""


# --- any single change ---

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
PRICES = st.integers(1, 99_999).map(lambda cents: Decimal(cents).scaleb(-2))
DETAILS = ("email", "shipping_address_text", "billing_address_text", *OPTIONAL_DETAILS)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": TEXTS,
    "price": PRICES,
    "quantity": st.integers(1, 99),
    "picture": st.sampled_from(["", "products/a.png", "products/b.png"]),
    "email": st.emails(),
    "shipping_address_text": TEXTS,
    "billing_address_text": TEXTS,
    "phone": st.just("") | TEXTS,
    "buyer_note": st.just("") | TEXTS,
    "gift_message": st.just("") | TEXTS,
    "method": st.tuples(TEXTS, PRICES),
    "discount": st.none() | st.tuples(TEXTS, st.integers(1, 100)),
    "rate": st.none() | st.tuples(TEXTS, st.integers(0, 100)),
}


def make_any_agreement(values: dict[str, Any]) -> Agreement:
    product = make_product(title=values["title"], price=values["price"], image=values["picture"])
    code = values["discount"] and Discount(code=values["discount"][0], value=Decimal(values["discount"][1]))
    rates = (
        [TaxRate(title=values["rate"][0], country="GB", percent=Decimal(values["rate"][1]))] if values["rate"] else []
    )
    rules = PricingRules([ShippingMethod(pk=1, title=values["method"][0], price=values["method"][1])], rates)
    quoted = quote([CartItem(product=product, quantity=values["quantity"])], discount=code, rules=rules)
    texts = {name: values[name] for name in DETAILS}
    return Agreement(quote=quoted, language="en-gb", **texts)


def shown_on_page(values: dict[str, Any]) -> list[str]:
    """Return the texts of the payment step, without using the facts."""
    agreement = make_any_agreement(values)
    quoted = agreement.quote
    entries = [f"{entry} {entry.amount:.2f}" for entry in quoted.entries]
    tax = [f"{quoted.tax_title} {quoted.tax_rate} {quoted.tax_total:.2f}"] if quoted.tax_total else []
    line = [f"{values[name]}" for name in ("title", "price", "quantity", "picture")]
    line += [quoted.discount_code]  # A code that takes off nothing is not shown, but the order uses it.
    return [*line, *entries, *tax, *(getattr(agreement, name) for name in DETAILS)]


@pytest.mark.slow
@hypothesis_settings(deadline=None, max_examples=100)
@given(data=st.data(), values=st.fixed_dictionaries(VALUES), name=st.sampled_from(sorted(VALUES)))
def test_any_single_change_of_what_is_shown_differs_and_no_change_does_not(
    data: st.DataObject, values: dict[str, Any], name: str
) -> None:
    shown = read_signed(make_any_agreement(values).signed())
    assert make_any_agreement(dict(values)).differences(shown) == []
    other = values | {name: data.draw(VALUES[name])}
    differences = make_any_agreement(other).differences(shown)
    assert bool(differences) == (shown_on_page(other) != shown_on_page(values))
    assert len(differences) != 1  # the closing message comes only with others
