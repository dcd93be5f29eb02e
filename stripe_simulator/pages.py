"""Pages and scripts for the shopper's browser: stripe.js, the card field's frame and the 3-D Secure dialog."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from stripe_simulator.api import Response
from stripe_simulator.backend import Backend
from stripe_simulator.errors import ApiError, missing

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_ASSETS = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted((Path(__file__).parent / "assets").iterdir())
    if path.suffix in _TYPES
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors http://127.0.0.1:* http://localhost:* https://127.0.0.1:* https://localhost:*"
)
_PAGES = {
    "/": "index.html",
    "/elements/card": "card.html",
    "/elements/controller": "controller.html",
}


def _asset_response(name: str, **values: str) -> Response:
    """Return a file of the `assets` folder, with the values inserted as escaped text.

    Raise ApiError (404) if there is no file with this name.
    """
    if name not in _ASSETS:
        raise ApiError(404, "The simulator has no such page.")
    text = _ASSETS[name]
    if values:
        text = Template(text).substitute({key: escape(value) for key, value in values.items()})
    return Response(200, text, _asset_headers(name))


def _asset_headers(name: str) -> dict[str, str]:
    return {
        "Content-Type": f"{_TYPES[Path(name).suffix]}; charset=utf-8",
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }


def page(simulator: Backend, path: str) -> Response:
    """Return the page or file at this path.

    Raise ApiError (404) if the path or its 3-D Secure challenge does not exist.
    """
    if match := re.fullmatch(r"/3ds/(\w+)/(\w+)(/challenge)?", path):
        intent = _challenged_intent(simulator, match[1], match[2])
        name = "challenge.html" if match[3] else "three-d-secure.html"
        return _asset_response(
            name,
            intent=intent["id"],
            nonce=match[2],
            amount=str(intent.get("amount", "")),
            currency=intent.get("currency", ""),
            card=_card_last4(simulator, intent),
        )
    if path == "/favicon.ico":
        return Response(204, "")
    if match := re.fullmatch(r"/(?:[a-z]+|v3)/(stripe\.js)|/elements/([a-z0-9-]+\.(?:js|css))", path):
        return _asset_response(match[1] or match[2])
    return _asset_response(_PAGES.get(path, ""))


def submit_challenge(simulator: Backend, path: str, data: dict[str, Any]) -> Response:
    """Apply the shopper's response to the 3-D Secure challenge and return the intent's new status.

    Raise ApiError (404) if the path or the data is invalid or the challenge is not the intent's current one.
    """
    match = re.fullmatch(r"/3ds/(\w+)/(\w+)/answer", path)
    if not match or not isinstance(data.get("succeed"), bool):
        raise ApiError(404, "The simulator has no such page.")
    _challenged_intent(simulator, match[1], match[2])
    intent = simulator.complete_3d_secure(match[1], data["succeed"])
    return Response(200, json.dumps({"status": intent["status"]}))


def _challenged_intent(simulator: Backend, intent_id: str, nonce: str) -> dict[str, Any]:
    """Return the payment or setup intent whose current challenge has this nonce.

    Raise ApiError (404) if no intent has it.
    """
    kind = "setup_intent" if intent_id.startswith("seti_") else "payment_intent"
    intent = simulator.store.find(kind, intent_id)
    if not intent or simulator.store.notes(intent_id).get("challenge") != nonce:
        raise missing(kind, intent_id)
    return intent


def _card_last4(simulator: Backend, intent: dict[str, Any]) -> str:
    """Return the last four digits of the card that the intent uses, or an empty string if it has none."""
    method_id = intent["payment_method"] or ""
    found = simulator.store.find("card", method_id) or simulator.store.find("payment_method", method_id) or {}
    return str(found.get("last4") or found.get("card", {}).get("last4", ""))
