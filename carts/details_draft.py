"""Postal addresses that were typed but not saved when the shopper left the checkout to log in or sign up.

Only this module reads and writes `details_draft` in the session.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from accounts import guest_session
from addresses.forms import AddressForm
from addresses.models import Address

DRAFT_KEY = "details_draft"
MAX_LENGTH = 200  # characters of a field to keep
FIELDS = {f"{kind}-{name}": kind for kind in Address.Type.values for name in AddressForm.Meta.fields}


def store(request: HttpRequest, data: Mapping[str, Any]) -> None:
    """Keep the address fields of the form in the session. Do nothing if no name or street was typed."""
    if any(data.get(f"{kind}-{name}", "").strip() for kind in Address.Type.values for name in ("name", "line_1")):
        draft = {name: data[name][:MAX_LENGTH] for name in FIELDS if name in data}
        guest_session.record_change(request)
        request.session[DRAFT_KEY] = draft | ({"billing_same": "on"} if "billing_same" in data else {})


def is_stored(request: HttpRequest) -> bool:
    """Return whether the session has such addresses. A guest session that is over has none."""
    guest_session.end_if_over(request)
    return DRAFT_KEY in request.session


def initial(request: HttpRequest, kind: str) -> dict[str, object]:
    """Return the typed values of the shipping or billing address, or an empty dictionary."""
    draft = request.session.get(DRAFT_KEY, {}) if is_stored(request) else {}
    return {name.removeprefix(f"{kind}-"): draft[name] for name in draft if FIELDS.get(name) == kind}


def is_billing_same(request: HttpRequest) -> bool:
    """Return whether the shopper did not ask for a different billing address."""
    return "billing_same" in request.session.get(DRAFT_KEY, {})


def forget(request: HttpRequest) -> None:
    """Remove the addresses from the session."""
    request.session.pop(DRAFT_KEY, None)
