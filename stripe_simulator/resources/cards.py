"""Stripe's published test cards and their behavior."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Decline:
    """The reason why a card is declined, with Stripe's codes and message."""

    code: str
    message: str
    decline_code: str = ""
    param: str = ""

    def fields(self) -> dict[str, Any]:
        """Return the fields of a card error, except its message."""
        fields: dict[str, Any] = {"type": "card_error", "code": self.code}
        if self.decline_code:
            fields["decline_code"] = self.decline_code
        return {**fields, "param": self.param} if self.param else fields


NEVER = ""
UNLESS_SET_UP = "unless_set_up"
ALWAYS = "always"
REFUND_PENDING, REFUND_FAILS = "pending", "fails"

_DECLINED = "Your card was declined."
DECLINES = {
    "generic_decline": Decline("card_declined", _DECLINED, "generic_decline"),
    "insufficient_funds": Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds"),
    "lost_card": Decline("card_declined", _DECLINED, "lost_card"),
    "stolen_card": Decline("card_declined", _DECLINED, "stolen_card"),
    "fraudulent": Decline("card_declined", _DECLINED, "fraudulent"),
    "expired_card": Decline("expired_card", "Your card has expired.", "expired_card", "exp_month"),
    "incorrect_cvc": Decline("incorrect_cvc", "Your card's security code is incorrect.", "incorrect_cvc", "cvc"),
    "processing_error": Decline(
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        "processing_error",
    ),
    "authentication_required": Decline(
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        "authentication_required",
    ),
}
NOT_A_TEST_CARD = Decline(
    "card_declined",
    "Your card was declined. Your request was in test mode, but used a non test card. "
    "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
    "test_mode_live_card",
)


@dataclass(frozen=True)
class TestCard:
    """A test card.

    `name` is the suffix of Stripe's `tok_...` and `pm_card_...` ids for it.
    """

    __test__ = False

    name: str
    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    attach: str = ""
    charge: str = ""
    authenticate: str = NEVER
    disputed: bool = False
    refund: str = ""

    @property
    def last4(self) -> str:
        """The last four digits, the only part of the number that may be shown or stored."""
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """An identifier that is the same for every object created from this number."""
        return hashlib.sha256(f"fingerprint {self.number}".encode()).hexdigest()[:16]


def _declined_card(name: str, number: str, reason: str) -> TestCard:
    """Return a card that its bank declines at every step, including when it is attached to a customer."""
    return TestCard(name, number, attach=reason, charge=reason)


_CARDS = [
    TestCard("visa", "4242424242424242"),
    TestCard("visa_debit", "4000056655665556", funding="debit"),
    TestCard("mastercard", "5555555555554444", "mastercard"),
    TestCard("mastercard_debit", "5200828282828210", "mastercard", "debit"),
    TestCard("mastercard_prepaid", "5105105105105100", "mastercard", "prepaid"),
    TestCard("amex", "378282246310005", "amex"),
    TestCard("discover", "6011111111111117", "discover"),
    TestCard("diners", "3056930009020004", "diners"),
    TestCard("jcb", "3566002020360505", "jcb", country="JP"),
    TestCard("unionpay", "6200000000000005", "unionpay", country="CN"),
    TestCard("gb", "4000008260000000", country="GB"),
    TestCard("gb_debit", "4000058260000005", funding="debit", country="GB"),
    TestCard("de", "4000002760000016", country="DE"),
    _declined_card("chargeDeclined", "4000000000000002", "generic_decline"),
    _declined_card("chargeDeclinedInsufficientFunds", "4000000000009995", "insufficient_funds"),
    _declined_card("chargeDeclinedLostCard", "4000000000009987", "lost_card"),
    _declined_card("chargeDeclinedStolenCard", "4000000000009979", "stolen_card"),
    _declined_card("chargeDeclinedExpiredCard", "4000000000000069", "expired_card"),
    _declined_card("chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc"),
    _declined_card("chargeDeclinedProcessingError", "4000000000000119", "processing_error"),
    _declined_card("radarBlock", "4100000000000019", "fraudulent"),
    TestCard("chargeCustomerFail", "4000000000000341", charge="generic_decline"),
    TestCard("authenticationRequired", "4000002760003184", country="DE", authenticate=ALWAYS),
    TestCard("authenticationRequiredOnSetup", "4000002500003155", country="FR", authenticate=UNLESS_SET_UP),
    TestCard("threeDSecure2Required", "4000000000003220", authenticate=ALWAYS),
    TestCard("threeDSecureRequiredChargeDeclined", "4000008400001629", charge="generic_decline", authenticate=ALWAYS),
    TestCard("createDispute", "4000000000000259", disputed=True),
    TestCard("pendingRefund", "4000000000007726", refund=REFUND_PENDING),
    TestCard("refundFail", "4000000000005126", refund=REFUND_FAILS),
]
BY_NAME = {card.name: card for card in _CARDS}
BY_NUMBER = {card.number: card for card in _CARDS}
SOURCE_BRANDS = {
    "visa": "Visa",
    "mastercard": "MasterCard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}


def by_alias(alias: str, prefix: str) -> TestCard | None:
    """Return the card for one of Stripe's predefined ids, such as `tok_visa` or `pm_card_visa_chargeDeclined`.

    Return None if the id has another prefix or names no test card.
    """
    if not alias.startswith(prefix):
        return None
    name = alias.removeprefix(prefix)
    return BY_NAME.get(name) or BY_NAME.get(name.removeprefix("visa_"))


def passes_luhn(number: str) -> bool:
    """Return whether the check digit of a card number is correct (Luhn algorithm)."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(sum(divmod(digit * 2, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0


def _is_cvc_valid(cvc: str, number: str) -> bool:
    """Return whether the security code has the right length for the card, or was not typed at all."""
    amex = number[:2] in ("34", "37")
    return not cvc or (cvc.isascii() and cvc.isdigit() and len(cvc) in ((3, 4) if amex else (3,)))


def validate_card(typed: dict[str, Any], year: int, month: int) -> Decline | None:
    """Return what is wrong with a typed card in the given month, or None if it is a valid test card."""
    number = str(typed["number"]).replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        return Decline("invalid_number", "The card number is not a valid credit card number.", "", "number")
    if not passes_luhn(number):
        return Decline("incorrect_number", "Your card number is incorrect.", "", "number")
    exp_month, exp_year = expiry(typed)
    if not year <= exp_year <= year + 50:
        return Decline("invalid_expiry_year", "Your card's expiration year is invalid.", "", "exp_year")
    if not 1 <= exp_month <= 12 or (exp_year, exp_month) < (year, month):
        return Decline("invalid_expiry_month", "Your card's expiration month is invalid.", "", "exp_month")
    if not _is_cvc_valid(str(typed.get("cvc", "")), number):
        return Decline("invalid_cvc", "Your card's security code is invalid.", "", "cvc")
    return None if number in BY_NUMBER else NOT_A_TEST_CARD


def expiry(typed: dict[str, Any]) -> tuple[int, int]:
    """Return the expiry month and year of a typed card; each is 0 if it is not a number.

    Two-digit years are in the 2000s.
    """
    month, year = (
        int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
        for text in (str(typed.get("exp_month", "")), str(typed.get("exp_year", "")))
    )
    return month, year + 2000 if 0 < year < 100 else year
