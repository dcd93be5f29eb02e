"""The one module that talks to Stripe: plain values in, plain values out, every failure sorted by what it means."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import stripe
from django.conf import settings

from billing.answers import (
    Declined,
    Event,
    GatewayError,
    Intent,
    KeyUsed,
    Missing,
    Refunded,
    Rejected,
    Setup,
    StateChanged,
    TokenUsed,
    Unknown,
    read_id,
    read_intent,
    read_refund,
    read_setup,
)
from ecommerce.money import minor_units

CONNECT_SECONDS, READ_SECONDS = 3.0, 8.0
REQUEST_SECONDS = 18.0  # all calls of one web request together
PATIENT_SECONDS = 15.0  # to read an answer where no shopper waits for it
ANSWER_SECONDS = 20  # longer than any confirm of a web request can still be under way
CLOCK_SKEW = 300  # seconds a webhook's time may differ from ours
Answer = TypeVar("Answer")

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_is_patient: ContextVar[bool] = ContextVar("is_patient", default=False)


def start_time_limit() -> None:
    """From now on this request may spend REQUEST_SECONDS on Stripe, all calls together."""
    _deadline.set(time.monotonic() + REQUEST_SECONDS)


def clear_time_limit() -> None:
    """The request is over."""
    _deadline.set(None)


@contextmanager
def patience() -> Iterator[None]:
    """For reconcile and audit: wait longer for each answer, and ask once more where none came."""
    token = _is_patient.set(True)
    try:
        yield
    finally:
        _is_patient.reset(token)


def _client() -> stripe.StripeClient:
    timeout = (CONNECT_SECONDS, PATIENT_SECONDS if _is_patient.get() else READ_SECONDS)
    deadline = _deadline.get()
    if deadline is not None:
        left = deadline - time.monotonic()
        if left < 1:
            raise Unknown("no time left for another call")
        timeout = (min(CONNECT_SECONDS, left), min(READ_SECONDS, left))
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=0,
        http_client=http_client(timeout),
    )


def http_client(timeout: tuple[float, float]) -> stripe.HTTPClient:
    """The HTTP client of one call; contract tests replace it to watch and overlay."""
    return stripe.RequestsClient(timeout=timeout)


def _ask(call: Callable[[stripe.StripeClient], Any], read: Callable[[Any], Answer]) -> Answer:
    """Call Stripe and read its answer; busy answers are asked once more after half a second.

    With patience lost answers too: each call of ours may be repeated, by its key or by its nature.
    """
    try:
        return _sorted(call, read)
    except _Busy:
        time.sleep(0.5)
    except Unknown as error:
        if error.is_stored or not _is_patient.get():
            raise
    try:
        return _sorted(call, read)
    except _Busy as error:
        raise Unknown(str(error)) from error


class _Busy(Exception):
    """429, or a call with the same key is being worked on."""


def _sorted(call: Callable[[stripe.StripeClient], Any], read: Callable[[Any], Answer]) -> Answer:
    try:
        return read(call(_client()))
    except stripe.StripeError as error:
        raise _meaning(error) from error
    except GatewayError:
        raise
    except Exception as error:  # the SDK meets an answer that is not Stripe's with errors of any kind
        raise Unknown(f"not a valid answer from Stripe: {error!r}") from error


def _meaning(error: stripe.StripeError) -> Exception:
    """The table "What an answer means" of docs/money.md."""
    said, code = _said(error), str(error.code or "")
    if isinstance(error, stripe.CardError):
        return Declined(said, code, _decline_code(error))
    if isinstance(error, stripe.RateLimitError) or error.http_status == 409:
        return _Busy(said)
    if isinstance(error, stripe.IdempotencyError):
        return KeyUsed(said)
    if isinstance(error, stripe.InvalidRequestError):
        return _mistake(error)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Rejected(said, code)
    return Unknown(said, is_stored=(error.http_status or 0) >= 500)


def _mistake(error: stripe.InvalidRequestError) -> GatewayError:
    kinds: dict[str, type[GatewayError]] = {
        "payment_intent_unexpected_state": StateChanged,
        "token_already_used": TokenUsed,
        "resource_missing": Missing,
    }
    return kinds.get(error.code or "", Rejected)(_said(error), error.code or "")


def _said(error: Exception) -> str:
    """The first line: what follows it in the SDK's errors is advice for others."""
    message = getattr(error, "_message", None) or getattr(error, "user_message", None)
    return (str(message or "").splitlines() or [type(error).__name__])[0]


def _decline_code(error: stripe.CardError) -> str:
    return str(getattr(error.error, "decline_code", "") or "")


def create_customer(email: str) -> str:
    """A new customer; its id. No key of ours: a spare customer costs nothing."""
    return _ask(lambda c: c.v1.customers.create({"email": email}), read_id)


def retrieve_customer(customer_id: str) -> str:
    """The id of a customer that exists; Missing if Stripe has none, or it was deleted there."""
    customer = _ask(lambda c: c.v1.customers.retrieve(customer_id), lambda answer: (read_id(answer), answer))
    if getattr(customer[1], "deleted", False):
        raise Missing("the customer was deleted")
    return customer[0]


def delete_customer(customer_id: str) -> None:
    """Forget a customer with all cards on file; done as well if Stripe has none (any more). Charges stay refundable."""
    with suppress(Missing):
        _ask(lambda c: c.v1.customers.delete(customer_id), read_id)


def detach_card(customer_id: str, card_id: str) -> None:
    """Take a card off the customer's file; done as well if it is not there (any more)."""
    with suppress(Missing):
        if card_id.startswith("pm_"):
            # Of one that is attached to nobody Stripe says only that this cannot be done: look before.
            if _ask(lambda c: c.v1.payment_methods.retrieve(card_id), _owner_of) == customer_id:
                _ask(lambda c: c.v1.payment_methods.detach(card_id), read_id)
        else:
            _ask(lambda c: c.v1.customers.payment_sources.delete(customer_id, card_id), read_id)


def _owner_of(answer: Any) -> str:
    read_id(answer)
    return str(getattr(answer, "customer", None) or "")


def create_source(customer_id: str, token: str) -> dict[str, Any]:
    """Make a card of `token` and attach it to the customer; Stripe's card as a dict."""
    return _ask(
        lambda c: c.v1.customers.payment_sources.create(customer_id, {"source": token}),
        lambda answer: dict(answer.to_dict()),
    )


def create_setup(customer_id: str) -> Setup:
    """A SetupIntent: the browser puts a card on this customer's file with it. No key of ours: a spare one is idle."""
    params: Any = {
        "customer": customer_id,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "usage": "on_session",  # the shop never charges a card while its owner is away
    }
    return _ask(lambda c: c.v1.setup_intents.create(params), read_setup)


def retrieve_setup(setup_id: str) -> Setup:
    """What became of a SetupIntent, with the card; Missing if Stripe has none of this id."""
    params: Any = {"expand": ["payment_method"]}
    return _ask(lambda c: c.v1.setup_intents.retrieve(setup_id, params), read_setup)


def create_intent(amount: Decimal, currency: str, customer_id: str, order: dict[str, str], key: str) -> Intent:
    """A PaymentIntent, unconfirmed: it can charge nobody until confirm_intent."""
    params: Any = {
        "amount": minor_units(amount, currency),
        "currency": currency,
        "customer": customer_id,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "description": f"Order {order['order_id']}",
        "metadata": order,
    }
    return _ask(lambda c: c.v1.payment_intents.create(params, {"idempotency_key": key}), read_intent)


def confirm_intent(intent_id: str, card_id: str, key: str) -> Intent:
    """Charge the card; Declined, StateChanged and Unknown are for the caller to settle."""
    params: Any = {"payment_method": card_id, "use_stripe_sdk": True}
    return _ask(lambda c: c.v1.payment_intents.confirm(intent_id, params, {"idempotency_key": key}), read_intent)


def retrieve_intent(intent_id: str) -> Intent:
    """What is true at Stripe now, of its charge too."""
    params: Any = {"expand": ["latest_charge"]}
    return _ask(lambda c: c.v1.payment_intents.retrieve(intent_id, params), read_intent)


def list_intents(since: datetime) -> list[Intent]:
    """All intents created at Stripe since then, ours or not, each with what is true of its charge."""
    params: Any = {"created": {"gte": int(since.timestamp())}, "limit": 100, "expand": ["data.latest_charge"]}
    return _ask(
        lambda c: c.v1.payment_intents.list(params), lambda page: [read_intent(row) for row in page.auto_paging_iter()]
    )


def cancel_intent(intent_id: str) -> Intent:
    """Make sure the intent can never charge; StateChanged if it has."""
    return _ask(lambda c: c.v1.payment_intents.cancel(intent_id), read_intent)


def create_refund(intent_id: str, amount: Decimal | None, currency: str, row: int, key: str) -> Refunded:
    """Give `amount` of the intent's charge back, or all of it; `row` is the number of our row, to find it again."""
    params: Any = {"payment_intent": intent_id, "metadata": {"refund": str(row)}}
    if amount is not None:
        params["amount"] = minor_units(amount, currency)
    return _ask(lambda c: c.v1.refunds.create(params, {"idempotency_key": key}), read_refund)


def list_refunds(intent_id: str) -> list[Refunded]:
    """Every refund of the intent's charges, whoever asked for it."""
    params: Any = {"payment_intent": intent_id, "limit": 100}
    return _ask(lambda c: c.v1.refunds.list(params), lambda page: [read_refund(row) for row in page.auto_paging_iter()])


def read_event(payload: bytes, signature: str) -> Event:
    """The event of a webhook delivery; ValueError unless it is signed with our secret, well-formed and of now."""
    try:
        stripe.WebhookSignature.verify_header(
            payload.decode(), signature, settings.STRIPE_WEBHOOK_SECRET, tolerance=CLOCK_SKEW
        )
        sent = int(dict(part.split("=", 1) for part in signature.split(","))["t"])
        event = json.loads(payload)
        subject = event["data"]["object"]
        intent = subject["id"] if subject["object"] == "payment_intent" else subject.get("payment_intent")
        names = [event["id"], event["type"], intent or ""]
        if not all(isinstance(name, str) and name.isprintable() and len(name) <= 120 for name in names):
            raise TypeError("a name does not fit its column")
        found = Event(names[0], names[1], names[2], event["livemode"] is True)
    except Exception as error:  # verification raises more than is documented, whatever a stranger sent
        raise ValueError("not a valid webhook delivery") from error
    if sent > time.time() + CLOCK_SKEW:
        raise ValueError("signed in the future")
    return found
