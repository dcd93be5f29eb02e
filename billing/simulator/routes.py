"""The endpoints of the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.simulator import charges, customers, intents, methods, refunds, setups
from billing.simulator.calls import Call

Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    """An endpoint and its handler.

    `typed` is the name of the SDK's parameter list for it. `is_public` allows calls with a publishable key.
    """

    method: str
    pattern: str
    handler: Handler
    typed: str
    is_public: bool = False


_ID = r"(\w+)"
ROUTES = [
    Route("POST", "/v1/customers", customers.create, "CustomerCreateParams"),
    Route("GET", f"/v1/customers/{_ID}", customers.retrieve, "CustomerRetrieveParams"),
    Route("POST", f"/v1/customers/{_ID}", customers.update, "CustomerUpdateParams"),
    Route("DELETE", f"/v1/customers/{_ID}", customers.delete, "CustomerDeleteParams"),
    Route("POST", f"/v1/customers/{_ID}/sources", customers.create_source, "CustomerPaymentSourceCreateParams"),
    Route("GET", f"/v1/customers/{_ID}/sources", customers.list_sources, "CustomerPaymentSourceListParams"),
    Route(
        "GET",
        f"/v1/customers/{_ID}/sources/{_ID}",
        customers.retrieve_source,
        "CustomerPaymentSourceRetrieveParams",
    ),
    Route(
        "DELETE",
        f"/v1/customers/{_ID}/sources/{_ID}",
        customers.delete_source,
        "CustomerPaymentSourceDeleteParams",
    ),
    Route("GET", f"/v1/customers/{_ID}/payment_methods", methods.list_methods, "CustomerPaymentMethodListParams"),
    Route("POST", "/v1/tokens", methods.create_token, "TokenCreateParams", is_public=True),
    Route("GET", f"/v1/tokens/{_ID}", methods.retrieve_token, "TokenRetrieveParams"),
    Route("POST", "/v1/payment_methods", methods.create_method, "PaymentMethodCreateParams", is_public=True),
    Route("GET", f"/v1/payment_methods/{_ID}", methods.retrieve_method, "PaymentMethodRetrieveParams"),
    Route("POST", f"/v1/payment_methods/{_ID}/attach", methods.attach_method, "PaymentMethodAttachParams"),
    Route("POST", f"/v1/payment_methods/{_ID}/detach", methods.detach_method, "PaymentMethodDetachParams"),
    Route("POST", "/v1/setup_intents", setups.create, "SetupIntentCreateParams"),
    Route("GET", f"/v1/setup_intents/{_ID}", setups.retrieve, "SetupIntentRetrieveParams", is_public=True),
    Route("POST", f"/v1/setup_intents/{_ID}/confirm", setups.confirm, "SetupIntentConfirmParams", is_public=True),
    Route("POST", f"/v1/setup_intents/{_ID}/cancel", setups.cancel, "SetupIntentCancelParams"),
    Route("POST", "/v1/payment_intents", intents.create, "PaymentIntentCreateParams"),
    Route("GET", "/v1/payment_intents", intents.listing, "PaymentIntentListParams"),
    Route("GET", f"/v1/payment_intents/{_ID}", intents.retrieve, "PaymentIntentRetrieveParams", is_public=True),
    Route("POST", f"/v1/payment_intents/{_ID}/confirm", intents.confirm, "PaymentIntentConfirmParams", is_public=True),
    Route("POST", f"/v1/payment_intents/{_ID}/cancel", intents.cancel, "PaymentIntentCancelParams"),
    Route("GET", "/v1/charges", charges.listing, "ChargeListParams"),
    Route("GET", f"/v1/charges/{_ID}", charges.retrieve, "ChargeRetrieveParams"),
    Route("POST", "/v1/refunds", refunds.create, "RefundCreateParams"),
    Route("GET", "/v1/refunds", refunds.listing, "RefundListParams"),
    Route("GET", f"/v1/refunds/{_ID}", refunds.retrieve, "RefundRetrieveParams"),
    Route("GET", "/v1/disputes/" + _ID, charges.retrieve_dispute, "DisputeRetrieveParams"),
    Route("GET", "/v1/events", charges.list_events, "EventListParams"),
    Route("GET", f"/v1/events/{_ID}", charges.retrieve_event, "EventRetrieveParams"),
]
