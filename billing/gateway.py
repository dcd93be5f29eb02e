"""The only module that calls Stripe.

Functions take and return plain values. They raise a subclass of answers.GatewayError for each kind of failure.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings

from billing.answers import (
    Busy,
    DisputeResult,
    GatewayError,
    Intent,
    Missing,
    OutcomeUnknown,
    RefundResult,
    Setup,
    check_same,
    read_dispute,
    read_id,
    read_intent,
    read_of,
    read_refund,
    read_setup,
    to_gateway_error,
)
from billing.stripe_calls import admission, time_limits
from core.money import minor_units

if TYPE_CHECKING:
    import stripe  # At runtime, the first call imports it, because the import takes a quarter of the start.

Answer = TypeVar("Answer")

_report_call: ContextVar[Callable[[], None]] = ContextVar("report_call", default=lambda: None)


def watch_calls(report: Callable[[], None] | None) -> None:
    """Report each further call of this request before it is made. An error that `report` raises prevents the call."""
    _report_call.set(report or (lambda: None))


def server_name() -> str:
    """Return the name of the server that receives the calls, with the URL unless it is Stripe's own."""
    return "Stripe" if settings.STRIPE_IS_REAL else f"The Stripe simulator at {settings.STRIPE_API_BASE}"


def _client(timeout: tuple[float, float]) -> "stripe.StripeClient":
    import stripe

    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=0,
        http_client=http_client(timeout),
    )


def http_client(timeout: tuple[float, float]) -> "stripe.HTTPClient":
    """Return the HTTP client for one call. Contract tests replace it to record calls and change answers."""
    import stripe

    return stripe.RequestsClient(timeout=timeout)


def _request(call: "Callable[[stripe.StripeClient], Any]", read: Callable[[Any], Answer]) -> Answer:
    """Call Stripe and read the response. Raise NotCalled if the call is not admitted now: see stripe_calls.admission.

    Retry once, after half a second, if Stripe is busy. Inside long_timeouts(), also retry after a lost response. Every
    call can be repeated safely, because it has an idempotency key or because a repetition does no harm.
    """
    with admission.admitted():
        try:
            return _call(call, read)
        except Busy:
            time.sleep(0.5)
        except OutcomeUnknown as error:
            if error.is_stored or not time_limits.is_background():
                raise
        try:
            return _call(call, read)
        except Busy as error:
            raise OutcomeUnknown(str(error)) from error


def _call(call: "Callable[[stripe.StripeClient], Any]", read: Callable[[Any], Answer]) -> Answer:
    import stripe

    _report_call.get()()
    timeout = time_limits.timeouts_of_next_call()
    with admission.watching(min(timeout)):
        try:
            return read(call(_client(timeout)))
        except stripe.StripeError as error:
            raise to_gateway_error(error) from error
        except GatewayError:
            raise
        except Exception as error:  # the SDK raises any kind of error for an answer that is not Stripe's
            raise OutcomeUnknown(f"not a valid response from Stripe: {error!r}") from error


def create_customer(email: str) -> str:
    """Create a customer, without an email address if `email` is empty, and return its id.

    It needs no idempotency key, because an unused customer costs nothing. Raise EmailRejected if Stripe does not accept
    the email address.
    """
    params: Any = {"email": email} if email else {}

    def read(answer: Any) -> str:
        check_same("email", str(getattr(answer, "email", None) or "").casefold(), email.casefold())
        return read_id(answer)

    return _request(lambda c: c.v1.customers.create(params), read)


def update_customer(customer_id: str, email: str) -> None:
    """Set the email address of a customer, or remove it if `email` is empty.

    Raise EmailRejected if Stripe does not accept it, and Missing if Stripe does not have the customer.
    """
    _request(lambda c: c.v1.customers.update(customer_id, {"email": email}), partial(read_id, wanted=customer_id))


def retrieve_customer(customer_id: str) -> str:
    """Return the id of an existing customer. Raise Missing if Stripe does not have it or it was deleted there."""

    def read(answer: Any) -> tuple[str, bool]:
        return read_id(answer, customer_id), getattr(answer, "deleted", False) is True

    found, is_deleted = _request(lambda c: c.v1.customers.retrieve(customer_id), read)
    if is_deleted:
        raise Missing("the customer was deleted")
    return found


def delete_customer(customer_id: str) -> None:
    """Delete a customer with all saved cards. The charges can still be refunded.

    Do nothing if Stripe has no such customer.
    """
    with suppress(Missing):
        _request(lambda c: c.v1.customers.delete(customer_id), partial(read_id, wanted=customer_id))


def detach_card(customer_id: str, card_id: str) -> None:
    """Detach a card from the customer. Do nothing if it is not attached (any more)."""
    with suppress(Missing):
        if card_id.startswith("pm_"):
            # Stripe gives no specific error for a payment method that is not attached, so check first.
            if _customer_of(card_id) == customer_id:
                _request(lambda c: c.v1.payment_methods.detach(card_id), partial(read_id, wanted=card_id))
        else:
            read = partial(read_id, wanted=card_id)
            _request(lambda c: c.v1.customers.payment_sources.delete(customer_id, card_id), read)


def is_attached(customer_id: str, card_id: str) -> bool:
    """Whether Stripe still has this card on file for the customer. An attached card can be charged."""
    try:
        return _customer_of(card_id) == customer_id
    except Missing:
        return False


def _customer_of(card_id: str) -> str:
    """Return the customer to whom a card is attached, or an empty string. Raise Missing if Stripe has no such card."""

    def read(answer: Any) -> str:
        read_id(answer, card_id)
        return str(getattr(answer, "customer", None) or "")

    return _request(lambda c: c.v1.payment_methods.retrieve(card_id), read)


def list_cards(customer_id: str) -> list[str]:
    """Return the ids of all cards of a customer. The list is empty if Stripe does not have the customer."""
    kinds = ("card", "payment_method")
    pages: list[Callable[[stripe.StripeClient], Any]] = [
        lambda c: c.v1.customers.payment_sources.list(customer_id, {"object": "card", "limit": 100}),
        lambda c: c.v1.customers.payment_methods.list(customer_id, {"type": "card", "limit": 100}),
    ]
    with suppress(Missing):
        read = read_of("customer", customer_id, read_id)
        found = [_request(page, lambda answer: _read_rows(answer, read, kinds)) for page in pages]
        return list(dict.fromkeys(found[0] + found[1]))
    return []


def _read_rows(page: Any, read: Callable[[Any], Answer], kinds: tuple[str, ...] = ()) -> list[Answer]:
    """Read all rows of a list, also those of further pages. With `kinds`, leave out objects of other kinds."""
    return [read(row) for row in page.auto_paging_iter() if not kinds or row["object"] in kinds]


def create_source(customer_id: str, token: str) -> dict[str, Any]:
    """Create a card from `token`, attach it to the customer, and return Stripe's card as a dict."""
    return _request(
        lambda c: c.v1.customers.payment_sources.create(customer_id, {"source": token}),
        read_of("customer", customer_id, lambda answer: dict(answer.to_dict())),
    )


def create_setup(customer_id: str) -> Setup:
    """Create a SetupIntent, with which the browser saves a card for this customer.

    It needs no idempotency key, because an unused SetupIntent does nothing.
    """
    params: Any = {
        "customer": customer_id,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "usage": "on_session",  # the shop charges a card only while the customer is present
    }
    return _request(lambda c: c.v1.setup_intents.create(params), read_of("customer", customer_id, read_setup))


def retrieve_setup(setup_id: str) -> Setup:
    """Return the current state of a SetupIntent, with its card. Raise Missing if Stripe does not have it."""
    params: Any = {"expand": ["payment_method"]}
    read = partial(read_setup, wanted=setup_id)
    return _request(lambda c: c.v1.setup_intents.retrieve(setup_id, params), read)


def create_intent(amount: Decimal, currency: str, customer_id: str, order: dict[str, str], key: str) -> Intent:
    """Create an unconfirmed PaymentIntent. It cannot charge a card before confirm_intent.

    `order` is stored in the metadata: the number and the UUID of the order. So is the shop, for the audit.
    """
    params: Any = {
        "amount": minor_units(amount, currency),
        "currency": currency,
        "customer": customer_id,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "description": f"Order {order['order_id']}",
        "metadata": order | {"shop": settings.SITE_URL},
    }
    intent = _request(lambda c: c.v1.payment_intents.create(params, {"idempotency_key": key}), read_intent)
    check_same("order", {"order_id": intent.order_id, "order_uuid": intent.order_uuid}, order)
    found = (intent.amount, intent.currency, intent.customer)
    check_same("amount, currency or customer", found, (params["amount"], currency, customer_id))
    return intent


def confirm_intent(intent_id: str, card_id: str, key: str, must_authenticate: bool = False) -> Intent:
    """Charge the card. The caller must handle Declined, StateChanged and OutcomeUnknown.

    With `must_authenticate`, the bank authenticates the cardholder first (3-D Secure) whenever the card supports it.
    """
    params: Any = {"payment_method": card_id, "use_stripe_sdk": True}
    if must_authenticate:
        params["payment_method_options"] = {"card": {"request_three_d_secure": "any"}}
    read = partial(read_intent, wanted=intent_id)
    return _request(lambda c: c.v1.payment_intents.confirm(intent_id, params, {"idempotency_key": key}), read)


def retrieve_intent(intent_id: str) -> Intent:
    """Return the current state of an intent at Stripe, with its charge. The caller checks that it is of its order."""
    params: Any = {"expand": ["latest_charge"]}
    read = partial(read_intent, wanted=intent_id)
    return _request(lambda c: c.v1.payment_intents.retrieve(intent_id, params), read)


def list_intents(since: datetime) -> list[Intent]:
    """Return all intents created at Stripe since then, each with its charge.

    The list includes intents that the shop did not create.
    """
    params: Any = {"created": {"gte": int(since.timestamp())}, "limit": 100, "expand": ["data.latest_charge"]}
    return _request(lambda c: c.v1.payment_intents.list(params), partial(_read_rows, read=read_intent))


def cancel_intent(intent_id: str) -> Intent:
    """Cancel an intent, so that it can never charge a card. Raise StateChanged if it has already charged one."""
    return _request(lambda c: c.v1.payment_intents.cancel(intent_id), partial(read_intent, wanted=intent_id))


def create_refund(intent_id: str, amount: Decimal | None, currency: str, row: int, key: str) -> RefundResult:
    """Refund `amount` of the intent's charge, or the full charge for None.

    `row` is the primary key of our Refund. It is stored in the metadata, so that the refund can be found again.
    """
    params: Any = {"payment_intent": intent_id, "metadata": {"refund": str(row)}}
    if amount is not None:
        params["amount"] = minor_units(amount, currency)
    read = read_of("payment_intent", intent_id, read_refund)
    found = _request(lambda c: c.v1.refunds.create(params, {"idempotency_key": key}), read)
    check_same("refund row", found.row, str(row))
    return found


def list_refunds(intent_id: str) -> list[RefundResult]:
    """Return all refunds of the intent's charges, regardless of who requested them."""
    params: Any = {"payment_intent": intent_id, "limit": 100}
    read = read_of("payment_intent", intent_id, read_refund)
    return _request(lambda c: c.v1.refunds.list(params), partial(_read_rows, read=read))


def list_disputes(intent_id: str) -> list[DisputeResult]:
    """Return all disputes of the intent's charges and all inquiries about them."""
    return _list_disputes({"payment_intent": intent_id}, read_of("payment_intent", intent_id, read_dispute))


def list_disputes_since(since: datetime) -> list[DisputeResult]:
    """Return all disputes and inquiries opened since then. The list includes charges that the shop did not make."""
    return _list_disputes({"created": {"gte": int(since.timestamp())}}, read_dispute)


def _list_disputes(filters: dict[str, Any], read: Callable[[Any], DisputeResult]) -> list[DisputeResult]:
    params: Any = filters | {"limit": 100}
    return _request(lambda c: c.v1.disputes.list(params), partial(_read_rows, read=read))
