"""The search of staff for placed orders: by number, person, postal address, item, amount, card, tracking and code."""

import re
import unicodedata
from decimal import Decimal

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from core.money import is_supported
from core.text.words import exact_word
from orders.models.order import OrderQuerySet
from orders.models.payment import Payment
from orders.search.words import amount_word
from products.search.engine import match_query
from products.search.text import MAX_TEXT_LENGTH, Term, terms_of

AMOUNT = re.compile(r"(?P<before>\D{0,4}?)(?P<digits>\d[\d.,'’\s]*)(?P<after>\D{0,4})")
LAST_DIGITS = re.compile(r"[0-9]{4}")
CENTS = re.compile(r"[.,](\d{2})$")


def search_orders(orders: OrderQuerySet, text: str) -> OrderQuerySet:
    """Return the orders that a text describes.

    If the whole text is the last four digits of the card of some orders, or their number, email address, SKU, tracking
    number, discount code or total, only they are found. Otherwise, an order must contain all words of the text.
    """
    text = text.replace("\0", "").strip()[:MAX_TEXT_LENGTH]
    if text.startswith("pi_"):
        return orders.filter(payment_intent_id=text)
    if LAST_DIGITS.fullmatch(text):
        paid = orders.filter(pk__in=Payment.objects.filter(card__last4=text).values("order"))
        if paid.exists():
            return paid
    exact = _containing(orders, [Term(_exact_words(text))])
    if exact.exists():
        return exact
    terms = terms_of(text)
    return _containing(orders, terms) if terms else orders.none()


def _exact_words(text: str) -> frozenset[str]:
    amount = read_amount(text)
    return frozenset([exact_word(text), *([] if amount is None else [amount_word(amount)])])


def read_amount(text: str) -> Decimal | None:
    """Return the amount that a text is, such as "12.95", "£1,234.50", "12,95 €" or "GBP 13", or None.

    A number without decimals and currency is no amount, because it can be a part of a postal address.
    """
    found = AMOUNT.fullmatch(text.strip())
    if not found:
        return None
    digits = found["digits"].strip()
    cents = CENTS.search(digits)
    marks = [mark for mark in (found["before"].strip(), found["after"].strip(" .,-")) if mark]
    if not all(map(_is_currency, marks)) or not (cents or marks):
        return None
    whole = re.sub(r"\D", "", digits[: cents.start()] if cents else digits)
    return Decimal(f"{whole or 0}.{cents[1] if cents else '00'}") if len(whole) <= 16 else None


def _is_currency(mark: str) -> bool:
    return is_supported(mark.lower()) or (len(mark) == 1 and unicodedata.category(mark) == "Sc")


def _containing(orders: OrderQuerySet, terms: list[Term]) -> OrderQuerySet:
    """Return the orders whose words contain all the terms."""
    if connection.vendor == "postgresql":
        found = "SELECT order_id FROM orders_orderwords WHERE search @@ %s::tsquery"
    else:
        found = "SELECT rowid FROM orders_search WHERE orders_search MATCH %s"
    return orders.filter(RawSQL(f"orders_order.id IN ({found})", [match_query(terms)], BooleanField()))  # noqa: S611
