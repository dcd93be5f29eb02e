"""Checks of the pages on which shoppers order: cart, details and the step with the button."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from addresses.countries import country_name
from core.money import format_money
from ecommerce.law.duty import Finding
from ecommerce.law.inspection import Inspection
from ecommerce.law.markup import Markup, Part
from ecommerce.law.sample_order import TITLE, UNITS, agreement

# Words that oblige to pay, by the first part of the language code. Nothing but an amount may follow them.
BUTTON_WORDS = {
    "en": ("place order and pay", "order with obligation to pay", "pay now", "buy now"),
    "de": ("zahlungspflichtig bestellen", "kostenpflichtig bestellen", "kaufen", "jetzt kaufen"),
}
CARD_BRANDS = ("Visa", "Mastercard")
FIELDS = ("input", "select", "textarea", "iframe")


def button_obliges_to_pay(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each language in which the order button has other words."""
    for language, name in inspection.languages.items():
        accepted = BUTTON_WORDS.get(language.partition("-")[0])
        button = order_button(inspection.pay_step(language))
        words, _dot, amount = (button.text if button else "").partition("·")
        is_fine = accepted is None or words.strip().lower() in accepted
        if button is None:
            yield Finding(_("The payment step (%(language)s) has no order button.") % {"language": name})
        elif not is_fine or any(len(word) > 3 and word.isalpha() for word in amount.split()):
            text = _("The order button (%(language)s) says “%(words)s”, not that the order obliges to pay.")
            yield Finding(text % {"language": name, "words": button.text})


def order_is_above_button(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if items, delivery and total do not stand directly above the button."""
    for language, name in inspection.languages.items():
        page = inspection.pay_step(language)
        button, items = order_button(page), _items(page)
        if button is None:
            continue
        above = page.text_between(items.start, button.start) if items else ""
        for fact in _facts_of_order(inspection, language):
            if fact not in above:
                text = _("Directly above the order button (%(language)s), this is missing: %(text)s")
                yield Finding(text % {"language": name, "text": fact})
        if items and _has_field(page, items.start, button.start):
            yield Finding(_("Fields stand between the items and the order button (%(language)s).") % {"language": name})


def texts_are_linked_above_button(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each text that applies to the order and is not linked directly above the button."""
    for language, name in inspection.languages.items():
        page = inspection.pay_step(language)
        button, items = order_button(page), _items(page)
        if button is None or items is None:
            continue
        links = [link.attrs.get("href") for link in page.all("a") if items.start < link.start < button.start]
        for text in agreement(inspection.country, language)[0].texts:
            if text.get_absolute_url() not in links:
                message = _("“%(page)s” is not linked directly above the order button (%(language)s).")
                yield Finding(message % {"page": text.title, "language": name})


def countries_are_named(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if cart and first step do not say where the shop delivers, or if it delivers nowhere."""
    url = reverse("admin:carts_shippingmethod_changelist")
    if not inspection.countries:
        yield Finding(_("No delivery method serves any country."), url)
        return
    for language, name in inspection.languages.items():
        with override(language):
            words = [_("We deliver to all countries."), country_name(inspection.countries[0])]
        for page in (inspection.cart(language), inspection.details_step(language)):
            terms = " ".join(part.text for part in page.parts if part.has_class("order-terms"))
            if not any(word in terms for word in words):
                text = _("The first step of the order (%(language)s) does not name the countries served.")
                yield Finding(text % {"language": name})


def means_of_payment_are_named(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if cart and first step do not name the cards that are accepted."""
    for language, name in inspection.languages.items():
        for page in (inspection.cart(language), inspection.details_step(language)):
            if not all(brand in page.text for brand in CARD_BRANDS):
                text = _("The first step of the order (%(language)s) does not name the means of payment.")
                yield Finding(text % {"language": name})


def cards_are_saved_only_on_request(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if the box that saves the card is ticked in advance."""
    for language in inspection.languages:
        boxes = [part for part in inspection.pay_step(language).all("input") if part.attrs.get("name") == "save"]
        if any("checked" in box.attrs or box.attrs.get("type") == "hidden" for box in boxes):
            yield Finding(_("The card would be saved without the shopper’s own tick."))


def order_button(page: Markup) -> Part | None:
    """Return the button that places the order, or None."""
    return next((part for part in page.all("button") if part.has_class("btn-pay")), None)


def _items(page: Markup) -> Part | None:
    """Return the last list with the items, or None. It is the one that is nearest to the button."""
    lists = [part for part in page.all("ul", "ol", "table") if TITLE in part.text]
    return lists[-1] if lists else None


def _facts_of_order(inspection: Inspection, language: str) -> list[str]:
    """Return the texts that the law wants to stand above the button: items, units, delivery, subtotal and total."""
    with override(language):
        quote = agreement(inspection.country, language)[0].quote
        amounts = [format_money(amount, quote.currency) for amount in (quote.subtotal, quote.total)]
    facts = [f"{UNITS} ×", TITLE, quote.shipping_title, *amounts]
    return [" ".join(fact.split()) for fact in facts if fact]


def _has_field(page: Markup, start: int, end: int) -> bool:
    return any(start < part.start < end and part.attrs.get("type") != "hidden" for part in page.all(*FIELDS))
