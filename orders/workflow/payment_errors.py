"""Why a payment cannot be made now. Nothing was charged."""

from django.utils.translation import gettext_lazy as _

from billing.declines import decline_message


def failure_message(code: str, decline_code: str) -> str:
    """Return what to tell the shopper about a failed payment, in the current language."""
    return decline_message(code, decline_code) if code else str(_("The payment did not go through."))


class PaymentNotPossible(Exception):
    """Raised if a payment cannot be made now. Nothing was charged and the order can still be paid."""

    @property
    def message(self) -> str:
        """The message for the shopper."""
        return str(_("Payment is not possible right now. Nothing was charged, and your order is kept."))


class PaymentRejected(PaymentNotPossible):
    """Raised if Stripe rejects the payment itself, for example because the customer of the intent was deleted there."""

    @property
    def message(self) -> str:
        """The message for the shopper. A new order gets a new intent."""
        return str(
            _(
                "Payment is not possible right now. Nothing was charged, and your order is kept. "
                "If this happens again, cancel the order and place it again."
            )
        )


class CardNotOnFile(PaymentNotPossible):
    """Raised if the card was removed, belongs to another order, or is not at Stripe any more."""

    @property
    def message(self) -> str:
        """The message for the shopper."""
        return str(_("This card is no longer on file."))


class SoldOut(PaymentNotPossible):
    """Raised if an order does not hold its items and they have been sold to others."""

    @property
    def message(self) -> str:
        """The message for the shopper."""
        return str(
            _(
                "Someone else has bought items of this order before it was paid. Nothing was charged. "
                "Cancel the order to change your cart."
            )
        )
