"""Tokens, card sources and payment methods: three representations of a test card."""

from __future__ import annotations

import time
from typing import Any

from stripe_simulator.errors import ApiError, declined, invalid, missing
from stripe_simulator.resources import cards
from stripe_simulator.resources.calls import Call, merged_metadata, new_object, paginate
from stripe_simulator.resources.cards import BY_NAME, BY_NUMBER, DECLINES, SOURCE_BRANDS, TestCard

_ADDRESS = ("city", "country", "line1", "line2", "state", "zip")


def parse_card(call: Call, typed: dict[str, Any]) -> tuple[TestCard, dict[str, Any]]:
    """Return the test card for typed card fields, and those fields that may be stored.

    Raise ApiError if the call does not use a publishable key or the card is invalid.
    """
    if not call.is_public:
        raise ApiError(
            402,
            "Sending credit card numbers directly to the Stripe API is generally unsafe. "
            "Use a publishable key, as Stripe.js does, or one of the test tokens such as tok_visa.",
        )
    now = time.gmtime()
    if problem := cards.validate_card(typed, now.tm_year, now.tm_mon):
        raise ApiError(402, problem.message, **problem.fields())
    card = BY_NUMBER[str(typed["number"]).replace(" ", "").replace("-", "")]
    month, year = cards.expiry(typed)
    return card, {
        "exp_month": month,
        "exp_year": year,
        "name": typed.get("name"),
        "cvc_check": "unchecked" if typed.get("cvc") else None,
        **{f"address_{part}": typed.get(f"address_{part}") for part in _ADDRESS},
    }


def predefined_card_fields() -> dict[str, Any]:
    """Return the stored fields of a card that was named by one of Stripe's predefined ids."""
    year = time.gmtime().tm_year + 1
    empty = {f"address_{part}": None for part in _ADDRESS}
    return {"exp_month": 12, "exp_year": year, "name": None, "cvc_check": "unchecked", **empty}


def new_source(card: TestCard, typed: dict[str, Any]) -> dict[str, Any]:
    """Return a new card source (`card_...`)."""
    fresh = new_object("card", "card")
    return {
        "id": fresh["id"],
        "object": "card",
        **typed,
        "address_line1_check": "unchecked" if typed["address_line1"] else None,
        "address_zip_check": "unchecked" if typed["address_zip"] else None,
        "brand": SOURCE_BRANDS[card.brand],
        "country": card.country,
        "dynamic_last4": None,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "last4": card.last4,
        "metadata": {},
        "networks": {"preferred": None},
        "regulated_status": None,
        "tokenization_method": None,
    }


def new_method(card: TestCard, typed: dict[str, Any]) -> dict[str, Any]:
    """Return a new payment method (`pm_...`)."""
    return {
        **new_object("payment_method", "pm"),
        "allow_redisplay": "unspecified",
        "billing_details": {"address": _billing_address(typed), "email": None, "name": typed["name"], "phone": None},
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": typed["cvc_check"],
            },
            "country": card.country,
            "display_brand": card.brand,
            "exp_month": typed["exp_month"],
            "exp_year": typed["exp_year"],
            "fingerprint": card.fingerprint,
            "funding": card.funding,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "customer": None,
        "metadata": {},
        "type": "card",
    }


def _billing_address(typed: dict[str, Any]) -> dict[str, Any]:
    """Return the postal address of a card source in the format of billing details."""
    parts = {part: typed[f"address_{part}"] for part in _ADDRESS}
    return {**{key: value for key, value in parts.items() if key != "zip"}, "postal_code": parts["zip"]}


def as_method(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """Return a card source in the format of a payment method. Return a payment method unchanged."""
    if body["object"] == "payment_method":
        return body
    shaped = new_method(get_test_card(call, body), body)
    return {**shaped, "id": body["id"], "customer": body["customer"], "metadata": body["metadata"]}


def get_test_card(call: Call, body: dict[str, Any]) -> TestCard:
    """Return the test card that an object represents."""
    return BY_NAME[call.store.notes(body["id"])["card"]]


def consume_token(call: Call, token_id: str, param: str) -> tuple[TestCard, dict[str, Any]]:
    """Return the test card of a token, and its stored card fields.

    Mark a token that the simulator created as used. Raise ApiError if it does not exist or was already used.
    """
    if card := cards.by_alias(token_id, "tok_"):
        return card, predefined_card_fields()
    token = call.get_or_error("token", token_id, param, 400)
    if token["used"]:
        message = f"You cannot use a Stripe token more than once: {token_id}."
        raise invalid(message, "token_already_used", param)
    call.store.save({**token, "used": True})
    card_fields = {name: token["card"][name] for name in predefined_card_fields()}
    return get_test_card(call, token), card_fields


def find(call: Call, method_id: str) -> dict[str, Any]:
    """Return the payment method or card source with this id. Create it if the id is predefined by Stripe.

    Raise ApiError (400) if it does not exist.
    """
    if card := cards.by_alias(method_id, "pm_card_"):
        return call.store.save(new_method(card, predefined_card_fields()), card=card.name)
    kind = "card" if method_id.startswith("card_") else "payment_method"
    found = call.store.find(kind, method_id)
    if not found:
        raise missing("PaymentMethod", method_id, "payment_method", 400)
    return found


def delete_source(call: Call, card: dict[str, Any]) -> None:
    """Delete a card source. An intent that already waits for 3-D Secure with it can still be completed."""
    notes = call.store.notes(card["id"])
    call.store.remove(card["id"])
    call.store.save({**card, "object": "deleted_card", "customer": None}, **notes)


def find_pending(call: Call, method_id: str) -> dict[str, Any]:
    """Return the payment method of an intent that waits for 3-D Secure, even if it was deleted in the meantime."""
    return call.store.find("deleted_card", method_id) or find(call, method_id)


def raise_if_attach_declined(card: TestCard) -> None:
    """Raise a card error if the bank declines the card when it is attached."""
    if card.attach:
        raise declined(DECLINES[card.attach])


def _raise_if_unusable(call: Call, body: dict[str, Any]) -> None:
    """Raise ApiError if the payment method can no longer be used or the bank declines it."""
    if call.store.notes(body["id"]).get("spent"):
        raise not_reusable_error(body["id"])
    raise_if_attach_declined(get_test_card(call, body))


def attach(call: Call, body: dict[str, Any], customer: str, **notes: Any) -> dict[str, Any]:
    """Attach a payment method to a customer and return it.

    Raise ApiError if it belongs to another customer, can no longer be used, or is declined by the bank.
    """
    if body["customer"] not in (None, customer):
        raise invalid("The payment method you provided has already been attached to a customer.")
    if body["customer"] == customer:
        return call.store.save(body, **notes)
    _raise_if_unusable(call, body)
    body["card"]["checks"]["cvc_check"] = "pass"
    call.store.save({**body, "customer": customer}, **notes)
    call.record_event("payment_method.attached", {**body, "customer": customer})
    return {**body, "customer": customer}


def not_reusable_error(method_id: str) -> ApiError:
    """Return the error for a payment method that can no longer be used.

    It was used without a customer or has been detached from its customer.
    """
    return invalid(
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment "
        f"or was detached from a Customer. It may not be used again: {method_id}.",
        param="payment_method",
    )


def create_token(call: Call) -> dict[str, Any]:
    """Handle POST /v1/tokens."""
    typed = call.params.get("card")
    if not isinstance(typed, dict):
        raise invalid("You must supply a card.", "parameter_missing", "card")
    card, card_fields = parse_card(call, typed)
    token = {
        **new_object("token", "tok"),
        "card": new_source(card, card_fields),
        "client_ip": "127.0.0.1",
        "type": "card",
        "used": False,
    }
    return call.store.save(token, card=card.name)


def retrieve_token(call: Call) -> dict[str, Any]:
    """Handle GET /v1/tokens/<id>."""
    return call.get_or_error("token", call.ids[0], "token")


def _read_card(call: Call, typed: dict[str, Any]) -> tuple[TestCard, dict[str, Any]]:
    """Return the card of a token, or else the card whose number was typed, and its fields.

    Raise ApiError if there is neither, or if it cannot be used.
    """
    if typed.get("token"):
        return consume_token(call, typed["token"], "card[token]")
    if typed.keys() >= {"number", "exp_month", "exp_year"}:
        return parse_card(call, typed)
    raise invalid("Missing required param: card[number].", "parameter_missing", "card[number]")


def create_method(call: Call) -> dict[str, Any]:
    """Handle POST /v1/payment_methods."""
    typed = call.params.get("card")
    if call.text("type") != "card" or not isinstance(typed, dict):
        raise invalid("Only payment methods of type card can be created here.", "parameter_missing", "type")
    card, card_fields = _read_card(call, typed)
    body = new_method(card, card_fields)
    details = call.params.get("billing_details", {})
    body["billing_details"] |= {name: details[name] for name in ("email", "name", "phone") if name in details}
    body["billing_details"]["address"] |= details.get("address", {})
    body["metadata"] = merged_metadata({}, call.params.get("metadata"))
    return call.store.save(body, card=card.name)


def retrieve_method(call: Call) -> dict[str, Any]:
    """Handle GET /v1/payment_methods/<id>."""
    kind = "card" if call.ids[0].startswith("card_") else "payment_method"
    found = call.store.find(kind, call.ids[0])
    if not found:
        raise missing("PaymentMethod", call.ids[0], "payment_method")
    return as_method(call, found)


def list_methods(call: Call) -> dict[str, Any]:
    """Handle GET /v1/customers/<id>/payment_methods."""
    call.get_or_error("customer", call.ids[0])
    url = f"/v1/customers/{call.ids[0]}/payment_methods"
    return paginate(call, "payment_method", url, customer=call.ids[0])


def attach_method(call: Call) -> dict[str, Any]:
    """Handle POST /v1/payment_methods/<id>/attach."""
    customer = call.get_or_error("customer", call.text("customer") or "", "customer", 400)
    return attach(call, find(call, call.ids[0]), customer["id"])


def detach_method(call: Call) -> dict[str, Any]:
    """Handle POST /v1/payment_methods/<id>/detach."""
    body = find(call, call.ids[0])
    if not body["customer"]:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    call.store.save({**body, "customer": None}, spent=True)
    call.record_event("payment_method.detached", {**body, "customer": None})
    return {**body, "customer": None}
