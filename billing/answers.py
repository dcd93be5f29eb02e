"""Dataclasses for what Stripe sends, functions that parse and verify it, and exceptions for failed calls."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings

from core.logs import redact

if TYPE_CHECKING:
    import stripe  # see billing/gateway.py

Answer = TypeVar("Answer")
CLOCK_SKEW = 300  # seconds by which a webhook's timestamp can differ from our clock


class GatewayError(Exception):
    """A failed call to Stripe. The outcome is known for all subclasses except OutcomeUnknown."""

    def __init__(self, message: str = "", code: str = "", decline_code: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.decline_code = decline_code


class Declined(GatewayError):
    """The bank declined the card. Another card might work."""


class Rejected(GatewayError):
    """Stripe rejected the request because of an error in the shop. Nothing was done, and a retry does not help."""


class Missing(Rejected):
    """Stripe has no object with this id."""


class IdempotencyKeyUsed(Rejected):
    """The idempotency key was already used for a different request."""


class TokenUsed(Rejected):
    """The token was already used to create a card."""


class EmailRejected(Rejected):
    """Stripe does not accept the email address of the customer."""


class StateChanged(GatewayError):
    """The intent is in an unexpected state. Retrieve it to find out which."""


class NotCalled(GatewayError):
    """The call was not made, so Stripe was asked nothing. Try again in a moment: see billing.stripe_calls.admission."""


class OutcomeUnknown(GatewayError):
    """It is not known whether Stripe processed the request. Never start a new attempt; retrieve the object."""

    def __init__(self, message: str = "", is_stored: bool = False, is_answered: bool = True) -> None:
        super().__init__(message)
        self.is_stored = is_stored  # Stripe stores a 5xx under the idempotency key and repeats it
        self.is_answered = is_answered  # a response arrived, although it says nothing about the outcome


class WrongObject(OutcomeUnknown):
    """Stripe answered with an object that was not asked for. Nothing of it is stored or applied.

    Stripe might repeat the answer under the same idempotency key, as it repeats a 5xx.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message, is_stored=True)


class CallLimitReached(OutcomeUnknown):
    """The visitor's requests called Stripe too often. This call was not made."""


@dataclass(frozen=True)
class Intent:
    """A PaymentIntent. Amounts are in minor units. `order_id`, `order_uuid` and `shop` come from its metadata.

    `code` and `decline_code` describe the last failure, and `failed_card` is the card that failed.
    """

    id: str
    status: str
    amount: int
    received: int
    currency: str
    client_secret: str
    payment_method: str = ""
    code: str = ""
    decline_code: str = ""
    failed_card: str = ""
    order_id: str = ""
    order_uuid: str = ""
    shop: str = ""
    customer: str = ""
    refunded: int = 0
    is_disputed: bool = False

    @property
    def is_live(self) -> bool:
        """Whether the intent can still charge a card."""
        return self.status not in ("succeeded", "canceled")


@dataclass(frozen=True)
class RefundResult:
    """A refund. The amount is in minor units. `row` is the primary key of our Refund, from the metadata."""

    id: str
    status: str
    amount: int
    currency: str
    row: str = ""
    reason: str = ""


@dataclass(frozen=True)
class DisputeResult:
    """A dispute of a charge, or an inquiry about it. The amount is in minor units.

    `is_withdrawn` says whether Stripe withdrew the money and has not returned it.
    """

    id: str
    status: str
    amount: int
    currency: str
    intent_id: str
    reason: str
    is_withdrawn: bool
    opened: datetime
    due: datetime | None


@dataclass(frozen=True)
class Setup:
    """A SetupIntent. `card` is its payment method if that was expanded, otherwise empty."""

    id: str
    status: str
    client_secret: str
    customer: str
    card: dict[str, Any]


@dataclass(frozen=True)
class Event:
    """A webhook event with a valid signature. `intent_id` is the id of its PaymentIntent, or empty."""

    id: str
    type: str
    intent_id: str
    livemode: bool


def check_same(name: str, found: object, wanted: object) -> None:
    """Raise WrongObject unless a value of an answer is that of the object that was asked for.

    The values can be personal data, so the message does not contain them.
    """
    if found != wanted:
        raise WrongObject(f"Stripe answered with an object that has another {name}")


def read_id(answer: Any, wanted: str = "") -> str:
    """Return the id of a Stripe object. Raise TypeError or KeyError if the answer has no id.

    Here and below, raise WrongObject if the caller `wanted` another object.
    """
    if not isinstance(answer["id"], str):
        raise TypeError("no id")
    check_same("id", answer["id"], wanted or answer["id"])
    return answer["id"]


def read_of(name: str, wanted: str, read: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """Return a function that reads an answer, unless it belongs to another object than the `wanted` one.

    An answer that names no object raises KeyError, as any answer that cannot be read.
    """

    def read_checked(answer: Any) -> Answer:
        check_same(name, str(answer[name] or ""), wanted)
        return read(answer)

    return read_checked


def read_intent(answer: Any, wanted: str = "") -> Intent:
    """Return a PaymentIntent, with its charge if that was expanded."""
    problem = getattr(answer, "last_payment_error", None)
    failed = problem and (getattr(problem, "payment_method", None) or getattr(problem, "source", None))
    charge = getattr(answer, "latest_charge", None)  # an id unless it was expanded
    return Intent(
        id=read_id(answer, wanted),
        status=str(answer["status"]),
        amount=int(answer["amount"]),
        received=int(answer["amount_received"]),
        currency=str(answer["currency"]),
        client_secret=str(answer["client_secret"] or ""),
        payment_method=str(answer["payment_method"] or ""),
        code=str((problem and getattr(problem, "code", "")) or ""),
        decline_code=str((problem and getattr(problem, "decline_code", "")) or ""),
        failed_card=str((failed and getattr(failed, "id", "")) or ""),
        order_id=_read_metadata(answer, "order_id"),
        order_uuid=_read_metadata(answer, "order_uuid"),
        shop=_read_metadata(answer, "shop"),
        customer=str(getattr(answer, "customer", None) or ""),
        refunded=int(getattr(charge, "amount_refunded", 0) or 0),
        is_disputed=getattr(charge, "disputed", False) is True,
    )


def _read_metadata(answer: Any, name: str) -> str:
    """Return the value with this name from the object's metadata, or an empty string."""
    return str(getattr(getattr(answer, "metadata", None), name, "") or "")


def read_refund(answer: Any) -> RefundResult:
    """Return a refund, which can also have been created outside the shop."""
    return RefundResult(
        id=read_id(answer),
        status=str(answer["status"]),
        amount=int(answer["amount"]),
        currency=str(answer["currency"]),
        row=_read_metadata(answer, "refund"),
        reason=str(getattr(answer, "failure_reason", "") or ""),
    )


def read_dispute(answer: Any) -> DisputeResult:
    """Return a dispute or inquiry."""
    details = getattr(answer, "evidence_details", None)
    due = details and getattr(details, "due_by", None)
    moved = getattr(answer, "balance_transactions", None) or []
    return DisputeResult(
        id=read_id(answer),
        status=str(answer["status"]),
        amount=int(answer["amount"]),
        currency=str(answer["currency"]),
        intent_id=str(getattr(answer, "payment_intent", "") or ""),
        reason=str(getattr(answer, "reason", "") or ""),
        is_withdrawn=sum(int(row["amount"]) for row in moved) < 0,
        opened=datetime.fromtimestamp(int(answer["created"]), UTC),
        due=datetime.fromtimestamp(int(due), UTC) if due else None,
    )


def read_setup(answer: Any, wanted: str = "") -> Setup:
    """Return a SetupIntent, with its card if that was expanded."""
    card = answer["payment_method"]
    return Setup(
        id=read_id(answer, wanted),
        status=str(answer["status"]),
        client_secret=str(answer["client_secret"] or ""),
        customer=str(answer["customer"] or ""),
        card=dict(card.to_dict()) if card and not isinstance(card, str) else {},
    )


class Busy(Exception):
    """Status 429, or a call with the same idempotency key is in progress."""


def to_gateway_error(error: "stripe.StripeError") -> Exception:
    """Return our exception for an error of the SDK, as documented in "What each response means" in docs/money.md."""
    import stripe

    message, code = _first_line(error), str(error.code or "")
    if isinstance(error, stripe.CardError):
        return Declined(message, code, _decline_code(error))
    if isinstance(error, stripe.RateLimitError) or error.http_status == 409:
        return Busy(message)
    if isinstance(error, stripe.IdempotencyError):
        return IdempotencyKeyUsed(message)
    if isinstance(error, stripe.InvalidRequestError):
        return _to_rejection(error)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Rejected(message, code)
    if isinstance(error, stripe.APIConnectionError):
        return OutcomeUnknown(message, is_answered=False)
    return OutcomeUnknown(message, is_stored=(error.http_status or 0) >= 500)


def _to_rejection(error: "stripe.InvalidRequestError") -> GatewayError:
    classes: dict[str, type[GatewayError]] = {
        "payment_intent_unexpected_state": StateChanged,
        "token_already_used": TokenUsed,
        "resource_missing": Missing,
        "email_invalid": EmailRejected,
    }
    return classes.get(error.code or "", Rejected)(_first_line(error), error.code or "")


def _first_line(error: Exception) -> str:
    """Return the first line of the error message, without email addresses, because callers log and store it.

    The SDK adds general advice in further lines.
    """
    message = getattr(error, "_message", None) or getattr(error, "user_message", None)
    return redact((str(message or "").splitlines() or [type(error).__name__])[0])


def _decline_code(error: "stripe.CardError") -> str:
    return str(getattr(error.error, "decline_code", "") or "")


def read_event(payload: bytes, signature: str) -> Event:
    """Return the event of a webhook delivery.

    Raise ValueError unless the delivery is signed with one of our secrets and well-formed, and its timestamp is within
    CLOCK_SKEW of our clock.
    """
    try:
        _verify(payload.decode(), signature)
        sent = int(dict(part.split("=", 1) for part in signature.split(","))["t"])
        event = json.loads(payload)
        subject = event["data"]["object"]
        intent = subject["id"] if subject["object"] == "payment_intent" else subject.get("payment_intent")
        values = [event["id"], event["type"], intent or ""]
        if not all(isinstance(value, str) and value.isprintable() and len(value) <= 120 for value in values):
            raise TypeError("a value does not fit its column")
        result = Event(values[0], values[1], values[2], event["livemode"] is True)
    except Exception as error:  # for some inputs, verification raises undocumented errors
        raise ValueError("not a valid webhook delivery") from error
    if sent > time.time() + CLOCK_SKEW:
        raise ValueError("signed in the future")
    return result


def _verify(payload: str, signature: str) -> None:
    """Raise an error unless the delivery is signed with one of the secrets. Two are valid while one is replaced."""
    import stripe

    for secret in filter(None, map(str.strip, settings.STRIPE_WEBHOOK_SECRET.split(","))):
        with suppress(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(payload, signature, secret, tolerance=CLOCK_SKEW)
            return
    raise ValueError("signed with no secret of this shop")
