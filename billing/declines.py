"""Messages for shoppers whose card was declined, by Stripe's decline codes (docs.stripe.com/declines/codes)."""

from django.utils.translation import gettext as _

# The bank suspects fraud, so the message must not reveal the reason.
SUSPECTED_FRAUD = frozenset("fraudulent lost_card stolen_card merchant_blacklist pickup_card restricted_card".split())

# After these declines the card can never be charged again.
FINAL_DECLINES = frozenset("lost_card stolen_card pickup_card expired_card invalid_account".split())
CARD_NOT_ON_FILE = "card_not_on_file"  # our code for a stored card that Stripe does not have any more


def is_final_decline(code: str, decline_code: str = "") -> bool:
    """Whether the bank will decline this card again, so that it should not be offered any more."""
    return code == "expired_card" or decline_code in FINAL_DECLINES


def decline_message(code: str, decline_code: str = "") -> str:
    """Return a message that says what to do. Return only that the card was declined if fraud is suspected."""
    if decline_code in SUSPECTED_FRAUD:
        return _("Your card was declined.")
    messages = {
        CARD_NOT_ON_FILE: _("This card is no longer on file."),
        "insufficient_funds": _("Your card has insufficient funds. Try another card."),
        "withdrawal_count_limit_exceeded": _("Your card is over its limit. Try another card."),
        "expired_card": _("Your card has expired. Try another card."),
        "incorrect_cvc": _("The security code is incorrect. Check it and try again."),
        "invalid_cvc": _("The security code is incorrect. Check it and try again."),
        "incorrect_number": _("The card number is incorrect. Check it and try again."),
        "invalid_number": _("The card number is incorrect. Check it and try again."),
        "incorrect_zip": _("The card's postcode is incorrect. Check it and try again."),
        "processing_error": _("The card could not be processed. Try again in a moment, or use another card."),
        "currency_not_supported": _("Your card does not support this currency. Try another card."),
        "payment_intent_authentication_failure": _(
            "Your bank's check was not completed. Try again or use another card."
        ),
    }
    return (
        messages.get(decline_code)
        or messages.get(code)
        or _("Your card was declined. Try another card, or ask your bank.")
    )
