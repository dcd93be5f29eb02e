"""What the shopper's browser loads: stripe.js, the card field's frame and the 3-D Secure dialog."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from billing.simulator.api import Response
from billing.simulator.errors import ApiError, missing

if TYPE_CHECKING:
    from billing.simulator.server import Simulator

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


def _asset(name: str, **values: str) -> Response:
    """One of the files beside this module, with values put in as text."""
    if name not in _ASSETS:
        raise ApiError(404, "The simulator has no such page.")
    text = _ASSETS[name]
    if values:
        text = Template(text).substitute({key: escape(value) for key, value in values.items()})
    headers = {
        "Content-Type": f"{_TYPES[Path(name).suffix]}; charset=utf-8",
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return Response(200, text, headers)


def page(simulator: Simulator, path: str) -> Response:
    """A page or file by its path."""
    if match := re.fullmatch(r"/3ds/(\w+)/(\w+)(/challenge)?", path):
        intent = _challenged(simulator, match[1], match[2])
        name = "challenge.html" if match[3] else "three-d-secure.html"
        return _asset(
            name,
            intent=intent["id"],
            nonce=match[2],
            amount=str(intent.get("amount", "")),
            currency=intent.get("currency", ""),
            card=_card_on(simulator, intent),
        )
    if path == "/favicon.ico":
        return Response(204, "")
    if match := re.fullmatch(r"/(?:[a-z]+|v3)/(stripe\.js)|/elements/([a-z0-9-]+\.(?:js|css))", path):
        return _asset(match[1] or match[2])
    return _asset(_PAGES.get(path, ""))


def answer(simulator: Simulator, path: str, sent: dict[str, Any]) -> Response:
    """Take the shopper's answer to 3-D Secure."""
    match = re.fullmatch(r"/3ds/(\w+)/(\w+)/answer", path)
    if not match or not isinstance(sent.get("succeed"), bool):
        raise ApiError(404, "The simulator has no such page.")
    _challenged(simulator, match[1], match[2])
    intent = simulator.act(match[1], sent["succeed"])
    return Response(200, json.dumps({"status": intent["status"]}))


def _challenged(simulator: Simulator, intent_id: str, nonce: str) -> dict[str, Any]:
    """The intent whose challenge has this nonce."""
    kind = "setup_intent" if intent_id.startswith("seti_") else "payment_intent"
    intent = simulator.store.find(kind, intent_id)
    if not intent or simulator.store.notes(intent_id).get("challenge") != nonce:
        raise missing(kind, intent_id)
    return intent


def _card_on(simulator: Simulator, intent: dict[str, Any]) -> str:
    """The last digits of the card an intent is being paid with."""
    method_id = intent["payment_method"] or ""
    found = simulator.store.find("card", method_id) or simulator.store.find("payment_method", method_id) or {}
    return str(found.get("last4") or found.get("card", {}).get("last4", ""))
