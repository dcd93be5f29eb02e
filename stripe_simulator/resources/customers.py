"""Customers and their saved cards."""

from __future__ import annotations

import re
from typing import Any

from stripe_simulator.errors import invalid, missing
from stripe_simulator.resources import payment_methods
from stripe_simulator.resources.calls import Call, merged_metadata, new_object, paginate

# Stripe accepts no domain without a dot.
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PLAIN = ("address", "description", "email", "name", "phone", "preferred_locales", "shipping")


def _updated(call: Call, customer: dict[str, Any]) -> dict[str, Any]:
    """Return the customer updated with the parameters of the call.

    Raise ApiError (400) if the email address is not valid. An empty one removes it.
    """
    email = call.text("email")
    if email and not _EMAIL.fullmatch(email):
        raise invalid(f"Invalid email address: {email}", code="email_invalid", param="email")
    sent = {name: call.params[name] or None for name in _PLAIN if name in call.params}
    metadata = merged_metadata(customer["metadata"], call.params.get("metadata"))
    return {**customer, **sent, "metadata": metadata}


def get_existing(call: Call) -> dict[str, Any]:
    """Return the customer named in the path.

    Raise ApiError (404) if it does not exist or is deleted.
    """
    customer = call.get_or_error("customer", call.ids[0])
    if customer.get("deleted"):
        raise missing("customer", call.ids[0])
    return customer


def new_customer(call: Call) -> dict[str, Any]:
    """Return a new customer with the parameters of the call, which is not saved. Raise ApiError if they are invalid."""
    blank = {
        **new_object("customer", "cus"),
        **dict.fromkeys(_PLAIN),
        "balance": 0,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "invoice_prefix": "SIMULATE",
        "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None},
        "metadata": {},
        "preferred_locales": [],
        "tax_exempt": "none",
        "test_clock": None,
    }
    return _updated(call, blank)


def create(call: Call) -> dict[str, Any]:
    """Handle POST /v1/customers."""
    customer = call.store.save(new_customer(call))
    if token := call.text("source"):
        add_card(call, customer, token)
        customer = call.get_or_error("customer", customer["id"])
    call.record_event("customer.created", customer)
    return customer


def retrieve(call: Call) -> dict[str, Any]:
    """Handle GET /v1/customers/<id>.

    The response for a deleted customer contains only its id, its type and `deleted`.
    """
    return call.get_or_error("customer", call.ids[0])


def update(call: Call) -> dict[str, Any]:
    """Handle POST /v1/customers/<id>."""
    customer = _updated(call, get_existing(call))
    if default := call.text("default_source"):
        if _find_card(call, default, "default_source", 400)["customer"] != customer["id"]:
            raise missing("source", default, "default_source", 400)
        customer["default_source"] = default
    call.store.save(customer)
    if token := call.text("source"):
        card = add_card(call, customer, token)
        customer = call.store.save({**customer, "default_source": card["id"]})
    call.record_event("customer.updated", customer)
    return customer


def delete(call: Call) -> dict[str, Any]:
    """Handle DELETE /v1/customers/<id>. Delete the customer's card sources and detach its payment methods too."""
    customer = get_existing(call)
    for card in call.store.find_all("card"):
        if card["customer"] == customer["id"]:
            payment_methods.delete_source(call, card)
    for method in call.store.find_all("payment_method"):
        if method["customer"] == customer["id"]:
            call.store.save({**method, "customer": None}, spent=True)
    call.record_event("customer.deleted", customer)
    return call.store.save({"id": customer["id"], "object": "customer", "deleted": True})


def add_card(call: Call, customer: dict[str, Any], token: str, metadata: Any = None) -> dict[str, Any]:
    """Save the card of a token for a customer and return it. The first card becomes the default.

    Raise ApiError if the token cannot be used or the bank declines the card.
    """
    test_card, card_fields = payment_methods.consume_token(call, token, "source")
    payment_methods.raise_if_attach_declined(test_card)
    if card_fields["cvc_check"]:
        card_fields["cvc_check"] = "pass"
    card = {**payment_methods.new_source(test_card, card_fields), "customer": customer["id"]}
    card["metadata"] = merged_metadata({}, metadata)
    call.store.save(card, card=test_card.name)
    if not customer["default_source"]:
        customer["default_source"] = card["id"]
        call.store.save(customer)
    call.record_event("customer.source.created", card)
    return card


def create_source(call: Call) -> dict[str, Any]:
    """Handle POST /v1/customers/<id>/sources."""
    if not call.params["source"].startswith("tok_"):
        raise missing("token", call.params["source"], "source", 400)
    return add_card(call, get_existing(call), call.params["source"], call.params.get("metadata"))


def _find_card(call: Call, card_id: str, param: str, status: int) -> dict[str, Any]:
    """Return the card with this id, or raise ApiError with this status if it does not exist."""
    card = call.store.find("card", card_id)
    if not card:
        raise missing("source", card_id, param, status)
    return card


def _customer_card(call: Call) -> dict[str, Any]:
    """Return the card named in the path.

    Raise ApiError (404) if it does not belong to the customer named there.
    """
    customer = get_existing(call)
    card = _find_card(call, call.ids[1], "id", 404)
    if card["customer"] != customer["id"]:
        raise missing("source", call.ids[1])
    return card


def retrieve_source(call: Call) -> dict[str, Any]:
    """Handle GET /v1/customers/<id>/sources/<id>."""
    return _customer_card(call)


def list_sources(call: Call) -> dict[str, Any]:
    """Handle GET /v1/customers/<id>/sources."""
    if call.params.get("object", "card") != "card":
        raise invalid("Only sources of type card exist here.", param="object")
    customer = get_existing(call)
    return paginate(call, "card", f"/v1/customers/{customer['id']}/sources", customer=customer["id"])


def delete_source(call: Call) -> dict[str, Any]:
    """Handle DELETE /v1/customers/<id>/sources/<id>.

    If the card was the default, the newest remaining card becomes the default.
    """
    card, customer = _customer_card(call), get_existing(call)
    payment_methods.delete_source(call, card)
    if customer["default_source"] == card["id"]:
        left = [other["id"] for other in call.store.find_all("card") if other["customer"] == customer["id"]]
        call.store.save({**customer, "default_source": left[-1] if left else None})
    call.record_event("customer.source.deleted", card)
    return {"id": card["id"], "object": "card", "deleted": True}
