"""Details that were typed but not saved when the shopper left the checkout to log in or sign up.

Only this module reads and writes `details_draft` in the session.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from accounts import guest_session
from addresses.forms import AddressForm
from addresses.models import Address
from carts.optional_details import MAX_NOTE, OPTIONAL_DETAILS

DRAFT_KEY = "details_draft"
MAX_LENGTH = 200  # characters of an address field to keep
FIELDS = {f"{kind}-{name}": kind for kind in Address.Type.values for name in AddressForm.Meta.fields}


def store(request: HttpRequest, data: Mapping[str, Any]) -> None:
    """Keep the details of the form in the session. Do nothing if no name, street or optional detail was typed."""
    typed = [f"{kind}-{name}" for kind in Address.Type.values for name in ("name", "line_1")]
    if any(data.get(name, "").strip() for name in (*typed, *OPTIONAL_DETAILS)):
        draft = {name: data[name][:MAX_LENGTH] for name in FIELDS if name in data}
        draft |= {name: data[name][:MAX_NOTE] for name in OPTIONAL_DETAILS if name in data}
        guest_session.record_change(request)
        request.session[DRAFT_KEY] = draft | ({"billing_same": "on"} if "billing_same" in data else {})


def is_stored(request: HttpRequest) -> bool:
    """Return whether the session has such details. A guest session that is over has none."""
    guest_session.end_if_over(request)
    return DRAFT_KEY in request.session


def initial(request: HttpRequest, kind: str) -> dict[str, object]:
    """Return the typed values of the shipping or billing address, or an empty dictionary."""
    draft = request.session.get(DRAFT_KEY, {}) if is_stored(request) else {}
    return {name.removeprefix(f"{kind}-"): draft[name] for name in draft if FIELDS.get(name) == kind}


def optional_details(request: HttpRequest) -> dict[str, str]:
    """Return the optional details that were typed, or an empty dictionary."""
    draft = request.session.get(DRAFT_KEY, {}) if is_stored(request) else {}
    return {name: draft[name] for name in OPTIONAL_DETAILS if name in draft}


def is_billing_same(request: HttpRequest) -> bool:
    """Return whether the shopper did not ask for a different billing address."""
    return "billing_same" in request.session.get(DRAFT_KEY, {})


def forget(request: HttpRequest) -> None:
    """Remove the details from the session."""
    request.session.pop(DRAFT_KEY, None)
