"""What a shopper agrees to with Place order and pay: everything that the payment step shows, signed in its form."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils import translation
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from addresses.models import Address
from carts.pricing.quotes import LineFacts, Quote
from core.guarantee.models import GuaranteeNotice
from core.money import format_money, format_percent
from core.pages.current import legal_texts
from core.pages.models import Page, PageText
from products.models import Product

SALT = "agreement"
MAX_SIGNED_LENGTH = 80_000  # characters; a full cart with the longest texts needs less than half
MAX_ID_LENGTH = 18  # digits
MAX_QUOTED_LENGTH = 80  # characters of a note in a message
# The kinds of pages that shoppers agree to, and the details with the agreed version.
TEXTS = {
    Page.Kind.TERMS.value: "terms_text",
    Page.Kind.PRIVACY.value: "privacy_text",
    Page.Kind.WITHDRAWAL.value: "withdrawal_text",
}


@dataclass(frozen=True)
class Agreement:
    """A quote and the details of the order.

    The payment step shows it, and placing compares it with the signed facts of the page that was pressed. The details
    have the same names as the columns of an order that they are copied to. Each detail is a signed fact. So is the
    version of the guarantee notice that the page shows, which is not copied.
    """

    quote: Quote
    email: str
    language: str
    shipping_address_text: str
    billing_address_text: str
    terms_text: PageText | None = None
    privacy_text: PageText | None = None
    withdrawal_text: PageText | None = None
    phone: str = ""
    buyer_note: str = ""
    gift_message: str = ""
    notice: GuaranteeNotice | None = None

    @property
    def is_billed_to_shipping_address(self) -> bool:
        return self.billing_address_text == self.shipping_address_text

    def facts(self) -> dict[str, Any]:
        """Return what the shopper agrees to. JSON does not change these values."""
        details = {name: _fact(getattr(self, name)) for name in self.detail_names()}
        return self.quote.facts() | details | {"guarantee_notice": self.notice.fact if self.notice else ""}

    @classmethod
    def detail_names(cls) -> list[str]:
        """Return the names of the details that an order copies."""
        return [field.name for field in fields(cls) if field.name not in ("quote", "notice")]

    @property
    def texts(self) -> list[PageText]:
        """The versions of the terms, privacy and withdrawal pages that the payment step links to."""
        return [text for text in (getattr(self, name) for name in TEXTS.values()) if text]

    def signed(self) -> str:
        """Return the facts for a hidden form field, signed so that any change is detected."""
        return signing.dumps(self.facts(), salt=SALT, compress=True)

    def differences(self, shown: dict[str, Any]) -> list[str]:
        """Return a message for each fact that differs from the one shown, and a closing message; [] if none differs."""
        if self.facts() == shown:
            return []
        changes = [*_changed_lines(self.quote, shown["lines"]), *_changed_sums(self.quote, shown)]
        if self.quote.facts()["total"] == shown.get("total"):
            closing = _("Your order has changed. Please check it before you place it.")
        else:
            closing = _("Your order has changed. Please check the new total before you place it.")
        return [*changes, *_changed_details(self, shown), closing]


def format_address(address: Address | None, language: str) -> str:
    """Return the postal address as an order freezes it, with the country name in this language; "" for None."""
    with translation.override(language):
        return "\n".join(address.lines()) if address else ""


def agreed_texts(language: str) -> dict[str, PageText]:
    """Return the versions that shoppers with this language agree to now, by the name of the detail."""
    return {TEXTS[kind]: text for kind, text in legal_texts(language).items()}


def _fact(detail: str | PageText | None) -> Any:
    """Return the detail as a fact. The fact about a version of a page is its primary key."""
    return detail.pk if isinstance(detail, PageText) else detail


def read_signed(value: str) -> dict[str, Any]:
    """Return the facts of a signed agreement.

    Raise signing.BadSignature if the signature is invalid, or if the signed data is not that of this version.
    """
    try:
        facts = signing.loads(value, salt=SALT)
    except (ValueError, zlib.error) as error:
        raise signing.BadSignature("The signed data cannot be decoded.") from error
    if not _is_readable(facts):
        raise signing.BadSignature("The signed data has another structure.")
    return facts  # type: ignore[no-any-return]


def _is_readable(facts: Any) -> bool:
    """Check that the facts have the structure that placing relies on. It compares all other values only as a whole."""
    lines: Any = facts.get("lines") if isinstance(facts, dict) else None
    languages = [settings.LANGUAGE_CODE, *(code for code, _name in settings.LANGUAGES)]
    is_complete = isinstance(lines, dict) and facts.get("language") in languages
    return is_complete and all(_is_line(*pair) for pair in lines.items())


def _is_line(product: str, line: Any) -> bool:
    is_id = product.isdecimal() and len(product) <= MAX_ID_LENGTH
    return is_id and isinstance(line, list) and len(line) == len(LineFacts._fields)


def _changed_lines(quote: Quote, shown: dict[str, list[Any]]) -> Iterator[str]:
    titles = {str(line.product_id): line.product.title for line in quote.lines}
    removed = {product: LineFacts(*line).name for product, line in shown.items() if product not in titles}
    for product in Product.objects.filter(pk__in=removed):
        removed[str(product.pk)] = product.title
    for title in removed.values():
        yield _("%(title)s is no longer in your cart.") % {"title": title}
    for key, line in quote.facts()["lines"].items():
        now = LineFacts(*line)
        before = LineFacts(*shown[key]) if key in shown else now._replace(quantity=0)
        yield from _changed_line(titles[key], before, now, quote.currency)


def _changed_line(title: str, before: LineFacts, now: LineFacts, currency: str) -> Iterator[str]:
    if now.title != before.title:
        yield _("%(name)s is now called %(title)s.") % {"name": before.name, "title": title}
    if now.quantity != before.quantity:
        yield _("Your cart now has %(count)d × %(title)s.") % {"count": now.quantity, "title": title}
    if now.price != before.price:
        price = format_money(Decimal(now.price), currency)
        yield _("%(title)s now costs %(price)s.") % {"title": title, "price": price}
    if now.withdrawal != before.withdrawal:
        yield _("The right of withdrawal for %(title)s has changed.") % {"title": title}
    if now.picture != before.picture:
        yield _("%(title)s has a new picture.") % {"title": title}


def _changed_sums(quote: Quote, shown: dict[str, Any]) -> Iterator[str]:
    changed = {name for name, value in quote.facts().items() if value != shown.get(name)}
    if quote.method and changed & {"shipping_method", "shipping_title", "shipping_total"}:
        params = {"title": quote.method.title, "price": format_money(quote.shipping_total, quote.currency)}
        yield _("Delivery is now: %(title)s, %(price)s.") % params
    if changed & {"discount_code", "discount_total"}:
        params = {"code": quote.discount_code, "amount": format_money(quote.discount_total, quote.currency)}
        is_other_code = quote.discount_code and "discount_total" not in changed
        text = (
            _("The discount is now: %(code)s, %(amount)s.") if is_other_code else _("The discount is now %(amount)s.")
        )
        yield quote.code_problem or text % params
    if changed & {"tax_title", "tax_rate", "tax_total", "is_tax_included"}:
        params = {"amount": format_money(quote.tax_total, quote.currency)}
        params |= {"title": f"{quote.tax_title} {format_percent(quote.tax_rate)}"}
        same_amount = "tax_total" not in changed
        yield (_("The tax is now: %(title)s, %(amount)s.") if same_amount else _("The tax is now %(amount)s.")) % params


def _changed_details(agreement: Agreement, shown: dict[str, Any]) -> Iterator[str]:
    shipping, billing = agreement.shipping_address_text, agreement.billing_address_text
    old_shipping, old_billing = shown.get("shipping_address_text"), shown.get("billing_address_text")
    if shipping != old_shipping:
        yield _("The delivery address is now: %(address)s.") % {"address": shipping.replace("\n", ", ")}
    is_still_the_same = shipping == billing and old_shipping == old_billing
    if billing != old_billing and not is_still_the_same:
        yield _("The billing address is now: %(address)s.") % {"address": billing.replace("\n", ", ")}
    if agreement.email != shown.get("email"):
        yield _("The email address is now %(email)s.") % {"email": agreement.email}
    if (agreement.notice.fact if agreement.notice else "") != shown.get("guarantee_notice"):
        yield _("The notice of your legal guarantee has changed.")
    yield from _changed_optional_details(agreement, shown)
    yield from _changed_texts(agreement, shown)


def _changed_optional_details(agreement: Agreement, shown: dict[str, Any]) -> Iterator[str]:
    messages = {
        "phone": (_("The phone number is now: %(text)s."), _("The phone number has been removed.")),
        "buyer_note": (_("The note is now: “%(text)s”"), _("The note has been removed.")),
        "gift_message": (_("The gift message is now: “%(text)s”"), _("The gift message has been removed.")),
    }
    for name, (changed, removed) in messages.items():
        text = getattr(agreement, name)
        if text != shown.get(name, ""):
            yield changed % {"text": Truncator(text).chars(MAX_QUOTED_LENGTH)} if text else removed


def _changed_texts(agreement: Agreement, shown: dict[str, Any]) -> Iterator[str]:
    for kind, name in TEXTS.items():
        text = getattr(agreement, name)
        if _fact(text) != shown.get(name):
            title = text.title if text else Page.Kind(kind).label
            yield _("“%(title)s” has been changed. Please read it again before you place your order.") % {
                "title": title
            }
