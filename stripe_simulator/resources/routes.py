"""The endpoints of the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stripe_simulator.resources import (
    charges,
    customers,
    disputes,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
)
from stripe_simulator.resources.calls import Call

Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    """An endpoint and its handler.

    `params_type` is the name of the SDK's parameter list for it. `is_public` allows calls with a publishable key.
    """

    method: str
    pattern: str
    handler: Handler
    params_type: str
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
    Route(
        "GET", f"/v1/customers/{_ID}/payment_methods", payment_methods.list_methods, "CustomerPaymentMethodListParams"
    ),
    Route("POST", "/v1/tokens", payment_methods.create_token, "TokenCreateParams", is_public=True),
    Route("GET", f"/v1/tokens/{_ID}", payment_methods.retrieve_token, "TokenRetrieveParams"),
    Route("POST", "/v1/payment_methods", payment_methods.create_method, "PaymentMethodCreateParams", is_public=True),
    Route("GET", f"/v1/payment_methods/{_ID}", payment_methods.retrieve_method, "PaymentMethodRetrieveParams"),
    Route("POST", f"/v1/payment_methods/{_ID}/attach", payment_methods.attach_method, "PaymentMethodAttachParams"),
    Route("POST", f"/v1/payment_methods/{_ID}/detach", payment_methods.detach_method, "PaymentMethodDetachParams"),
    Route("POST", "/v1/setup_intents", setup_intents.create, "SetupIntentCreateParams"),
    Route("GET", f"/v1/setup_intents/{_ID}", setup_intents.retrieve, "SetupIntentRetrieveParams", is_public=True),
    Route(
        "POST", f"/v1/setup_intents/{_ID}/confirm", setup_intents.confirm, "SetupIntentConfirmParams", is_public=True
    ),
    Route("POST", f"/v1/setup_intents/{_ID}/cancel", setup_intents.cancel, "SetupIntentCancelParams"),
    Route("POST", "/v1/payment_intents", payment_intents.create, "PaymentIntentCreateParams"),
    Route("GET", "/v1/payment_intents", payment_intents.list_intents, "PaymentIntentListParams"),
    Route("GET", f"/v1/payment_intents/{_ID}", payment_intents.retrieve, "PaymentIntentRetrieveParams", is_public=True),
    Route(
        "POST",
        f"/v1/payment_intents/{_ID}/confirm",
        payment_intents.confirm,
        "PaymentIntentConfirmParams",
        is_public=True,
    ),
    Route("POST", f"/v1/payment_intents/{_ID}/cancel", payment_intents.cancel, "PaymentIntentCancelParams"),
    Route("GET", "/v1/charges", charges.list_charges, "ChargeListParams"),
    Route("GET", f"/v1/charges/{_ID}", charges.retrieve, "ChargeRetrieveParams"),
    Route("POST", "/v1/refunds", refunds.create, "RefundCreateParams"),
    Route("GET", "/v1/refunds", refunds.list_refunds, "RefundListParams"),
    Route("GET", f"/v1/refunds/{_ID}", refunds.retrieve, "RefundRetrieveParams"),
    Route("GET", "/v1/disputes", disputes.list_disputes, "DisputeListParams"),
    Route("GET", f"/v1/disputes/{_ID}", disputes.retrieve, "DisputeRetrieveParams"),
    Route("POST", f"/v1/disputes/{_ID}", disputes.update, "DisputeUpdateParams"),
    Route("POST", f"/v1/disputes/{_ID}/close", disputes.close, "DisputeCloseParams"),
    Route("GET", "/v1/events", charges.list_events, "EventListParams"),
    Route("GET", f"/v1/events/{_ID}", charges.retrieve_event, "EventRetrieveParams"),
]
