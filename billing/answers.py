"""What Stripe's answers mean to the shop: plain values, and a kind of error for each thing that may have happened."""

from dataclasses import dataclass
from typing import Any


class GatewayError(Exception):
    """A call to Stripe that brought no good answer."""

    def __init__(self, message: str = "", code: str = "", decline_code: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.decline_code = decline_code


class Declined(GatewayError):
    """Known: the bank said no. Another card may do."""


class Rejected(GatewayError):
    """Known: nothing was done, and asking again will not help; a mistake of ours."""


class Missing(Rejected):
    """Known: Stripe has no such object."""


class KeyUsed(Rejected):
    """Known: this idempotency key stands for another request."""


class TokenUsed(Rejected):
    """Known: this token became a card before."""


class StateChanged(GatewayError):
    """Known: the intent is in another state than we thought; fetch it."""


class Unknown(GatewayError):
    """Nobody knows whether it was done. Never try anew: fetch."""

    def __init__(self, message: str = "", is_stored: bool = False) -> None:
        super().__init__(message)
        self.is_stored = is_stored  # Stripe remembers its own 5xx under the idempotency key and repeats it


@dataclass(frozen=True)
class Intent:
    """What Stripe says of one PaymentIntent; amounts in minor units. `order_uuid` is what we wrote on it."""

    id: str
    status: str
    amount: int
    received: int
    currency: str
    client_secret: str
    payment_method: str = ""
    code: str = ""
    decline_code: str = ""
    order_uuid: str = ""
    refunded: int = 0
    is_disputed: bool = False

    @property
    def is_live(self) -> bool:
        """Whether it may still charge somebody."""
        return self.status not in ("succeeded", "canceled")


@dataclass(frozen=True)
class Refunded:
    """What Stripe says of one refund; the amount in minor units, `row` the number of our row that we wrote on it."""

    id: str
    status: str
    amount: int
    currency: str
    row: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Setup:
    """What Stripe says of one SetupIntent; `card` is its payment method where it was asked for, else empty."""

    id: str
    status: str
    client_secret: str
    customer: str
    card: dict[str, Any]


@dataclass(frozen=True)
class Event:
    """A webhook event whose signature is good; `intent_id` is the PaymentIntent it speaks of, or empty."""

    id: str
    type: str
    intent_id: str
    livemode: bool


def read_id(answer: Any) -> str:
    """The id of any object of Stripe's; TypeError, KeyError: it is none."""
    if not isinstance(answer["id"], str):
        raise TypeError("no id")
    return answer["id"]


def read_intent(answer: Any) -> Intent:
    """A PaymentIntent, and its charge where that was asked for as a whole."""
    problem = getattr(answer, "last_payment_error", None)
    charge = getattr(answer, "latest_charge", None)  # an id, unless it was asked for as a whole
    return Intent(
        id=read_id(answer),
        status=str(answer["status"]),
        amount=int(answer["amount"]),
        received=int(answer["amount_received"]),
        currency=str(answer["currency"]),
        client_secret=str(answer["client_secret"] or ""),
        payment_method=str(answer["payment_method"] or ""),
        code=str((problem and getattr(problem, "code", "")) or ""),
        decline_code=str((problem and getattr(problem, "decline_code", "")) or ""),
        order_uuid=_note(answer, "order_uuid"),
        refunded=int(getattr(charge, "amount_refunded", 0) or 0),
        is_disputed=getattr(charge, "disputed", False) is True,
    )


def _note(answer: Any, name: str) -> str:
    """What we wrote into the object's metadata under this name."""
    notes = getattr(answer, "metadata", None)
    return str((notes and getattr(notes, name, "")) or "")


def read_refund(answer: Any) -> Refunded:
    """A refund, whoever asked for it."""
    return Refunded(
        id=read_id(answer),
        status=str(answer["status"]),
        amount=int(answer["amount"]),
        currency=str(answer["currency"]),
        row=_note(answer, "refund"),
        reason=str(getattr(answer, "failure_reason", "") or ""),
    )


def read_setup(answer: Any) -> Setup:
    """A SetupIntent, and its card where that was asked for as a whole."""
    card = answer["payment_method"]
    return Setup(
        id=read_id(answer),
        status=str(answer["status"]),
        client_secret=str(answer["client_secret"] or ""),
        customer=str(answer["customer"] or ""),
        card=dict(card.to_dict()) if card and not isinstance(card, str) else {},
    )
