"""API requests from HTTP to the handler: API keys, routing, parameter validation, idempotency and faults."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import traceback
from dataclasses import dataclass, field
from typing import Any

from stripe_simulator import parameters
from stripe_simulator.errors import ApiError, invalid
from stripe_simulator.faults import Fault, Faults
from stripe_simulator.resources import payment_methods
from stripe_simulator.resources.calls import Call, random_text
from stripe_simulator.resources.routes import ROUTES, Handler, Route
from stripe_simulator.store import Store

_EXPANDABLE = {
    "charge": "charge",
    "customer": "customer",
    "default_source": "card",
    "latest_charge": "charge",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
}


@dataclass
class Request:
    """An incoming API request."""

    method: str
    path: str
    params: dict[str, Any]
    authorization: str = ""
    key: str = ""
    id: str = field(default_factory=lambda: f"req_{random_text(14)}")


@dataclass
class Response:
    """An outgoing response."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


class Api:
    """The API for the objects of one store."""

    def __init__(self, store: Store, faults: Faults, stopping: threading.Event, account: str = "") -> None:
        self.store = store
        self.faults = faults
        self.stopping = stopping
        self.account = account
        self.base_url = ""
        self.webhooks = False
        self._keys_in_progress: set[str] = set()

    def respond(self, request: Request) -> Response | None:
        """Return the response to a request, or None to close the connection without one."""
        fault = self.faults.take(request.method, request.path)
        kind = fault.kind if fault else ""
        if kind == "drop_before":
            return None
        try:
            response = self._handle(request, fault)
        except ApiError as error:
            response = Response(error.status, json.dumps(error.body, indent=2))
        except Exception:
            return Response(500, json.dumps(_api_error_body(traceback.format_exc())))
        if kind == "drop_after":
            return None
        response.headers.setdefault("Request-Id", request.id)
        response.headers["Stripe-Version"] = parameters.API_VERSION
        if request.key:
            response.headers["Idempotency-Key"] = request.key
        return _apply_fault(response, kind)

    def _handle(self, request: Request, fault: Fault | None) -> Response:
        """Authenticate, route and validate a request, and run it once per idempotency key.

        Raise ApiError if the request is rejected or a fault replaces its response.
        """
        kind = fault.kind if fault else ""
        if kind == "rate_limit":
            raise ApiError(429, "Too many requests hit the API too quickly.", code="rate_limit")
        if kind == "key_in_use":
            raise _key_in_use(request.key)
        if kind == "error_500":
            raise ApiError(500, "An unknown error occurred", type="api_error")
        is_public = _is_public(request.authorization, self.account)
        route, ids = _find_route(request, is_public)
        params = dict(request.params)
        if is_public:
            own = {"key", "client_secret", "payment_user_agent", "guid", "muid", "sid"}
            params = {name: value for name, value in params.items() if name not in own}
        parameters.check(params, route.params_type)
        call = Call(
            self.store,
            request.params,
            ids,
            key=request.key,
            request_id=request.id,
            is_public=is_public,
            webhooks=self.webhooks,
            base_url=self.base_url,
        )
        if request.method != "POST" or not request.key:
            return self._run(call, route.handler, fault)
        return self._run_once(call, request, route.handler, fault)

    def _run_once(self, call: Call, request: Request, handler: Handler, fault: Fault | None) -> Response:
        """Run a call, or replay the stored response of its idempotency key.

        Raise ApiError (409) while another request with the key is in progress.
        """
        text = f"{request.path} {json.dumps(parameters.redacted(request.params), sort_keys=True)}"
        call_hash = hashlib.sha256(text.encode()).hexdigest()
        with self.store.lock:
            if request.key in self._keys_in_progress:
                raise _key_in_use(request.key)
            if stored := self.store.get_response(request.key):
                return _replay(stored, call_hash, request.key)
            self._keys_in_progress.add(request.key)
        try:
            return self._run(call, handler, fault, call_hash)
        finally:
            with self.store.lock:
                self._keys_in_progress.discard(request.key)

    def _run(self, call: Call, handler: Handler, fault: Fault | None, call_hash: str = "") -> Response:
        """Run a handler and store its response under the idempotency key, in one transaction."""
        if fault and fault.kind == "delay":
            self.stopping.wait(fault.seconds)
        with self.store.transaction():
            status, body = _answer(call, handler, fault)
            text = json.dumps(body, indent=2)
            if call_hash:
                self.store.save_response(call.key, call_hash, status, text, call.request_id)
        return Response(status, text)


def _is_public(authorization: str, account: str) -> bool:
    """Return whether the API key is a publishable key.

    Raise ApiError (401) if it is not a test key, or if it is not a key of the account, if there is one.
    """
    key = authorization.removeprefix("Bearer ").strip()
    if key.startswith(("sk_live", "rk_live", "pk_live")):
        raise ApiError(401, "This is a simulator. It rejects live keys: never send one here.", code="live_key")
    if not key.startswith(("sk_test_", "rk_test_", "pk_test_")):
        raise ApiError(401, "Invalid API Key provided. The simulator accepts any key that begins with sk_test_.")
    if account and key[len("sk_test_") :] != account:
        raise ApiError(401, "Invalid API Key provided: this Stripe simulator belongs to another shop on this machine.")
    return key.startswith("pk_")


def _find_route(request: Request, is_public: bool) -> tuple[Route, tuple[str, ...]]:
    """Return the endpoint of a request and the ids in its path.

    Raise ApiError with 404 for an unknown URL, or with 403 if the endpoint requires a secret key.
    """
    for route in ROUTES:
        match = re.fullmatch(route.pattern, request.path)
        if match and route.method == request.method:
            if is_public and not route.is_public:
                message = "This API call cannot be made with a publishable API key."
                raise ApiError(403, message, code="secret_key_required")
            return route, match.groups()
    raise ApiError(404, f"Unrecognized request URL ({request.method}: {request.path}).", code="url_invalid")


def _replay(stored: tuple[Any, ...], call_hash: str, key: str) -> Response:
    """Return the response that is stored under an idempotency key.

    Raise ApiError (400) if the first request had another endpoint or other parameters.
    """
    first, status, body, request_id = stored
    if first != call_hash:
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the same endpoint and parameters they were "
            f"first used with. Try using a key other than '{key}' if you meant to execute a different request.",
            type="idempotency_error",
        )
    return Response(status, body, {"Idempotent-Replayed": "true", "Original-Request": request_id})


def _answer(call: Call, handler: Handler, fault: Fault | None) -> tuple[int, dict[str, Any]]:
    """Run a handler and return the status and the body of its response.

    Raise ApiError for an error that is not stored under the idempotency key.
    """
    try:
        if fault and fault.kind == "error_500_stored":
            raise ApiError(500, "An unknown error occurred", executed=True, type="api_error")
        return 200, _expand_body(call, handler(call))
    except ApiError as error:
        if not error.executed:
            raise
        return error.status, error.body


def _key_in_use(key: str) -> ApiError:
    """Return the error for an idempotency key whose first request is still in progress (409)."""
    message = f"There is currently another in-progress request using this Idempotency Key ({key})."
    return ApiError(409, message, code="idempotency_key_in_use")


def _api_error_body(message: str) -> dict[str, Any]:
    """Return the response body for a failure of the simulator itself."""
    return {"error": {"type": "api_error", "message": message}}


def _apply_fault(response: Response, kind: str) -> Response:
    """Return the response as changed by a fault of this kind."""
    if kind == "html":
        page = "<!doctype html><title>Bad gateway</title><p>Something between us went wrong.</p>"
        return Response(200, page, {**response.headers, "Content-Type": "text/html; charset=utf-8"})
    if kind in ("empty", "other_json"):
        return Response(200, "" if kind == "empty" else '{"hello": 1}', response.headers)
    if kind == "other_object" and response.status == 200:
        return Response(200, json.dumps(_as_other_object(json.loads(response.body))), response.headers)
    return response


def _as_other_object(body: dict[str, Any]) -> dict[str, Any]:
    """Return a response about another object: its id, its owners and its metadata differ. In a list, all rows do."""
    if body.get("object") == "list":
        return {**body, "data": [_as_other_object(row) for row in body["data"]]}
    others = {name: f"{body[name]}other" for name in ("id", "customer", "payment_intent", "email") if body.get(name)}
    return body | others | {"metadata": {name: f"{value}0" for name, value in body.get("metadata", {}).items()}}


def _expand_body(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """Return the response body with the ids named by `expand` replaced by their objects."""
    for path in call.params.get("expand", []):
        names = path.removeprefix("data.").split(".")
        rows = body.get("data", []) if path.startswith("data.") else [body]
        for row in rows:
            _expand_property(call, row, names, path)
    return body


def _expand_property(call: Call, row: dict[str, Any], names: list[str], path: str) -> None:
    """Replace an id with its object; further names expand ids inside that object.

    Raise ApiError (400) if the property cannot be expanded.
    """
    name = names[0]
    if not _EXPANDABLE.get(name) or name not in row:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(row[name], str):
        row[name] = _find_property(call, name, row[name])
    if len(names) > 1 and isinstance(row[name], dict):
        _expand_property(call, row[name], names[1:], path)


def _find_property(call: Call, name: str, object_id: str) -> dict[str, Any] | None:
    """Return the object whose id is the value of the property, or None if it does not exist."""
    kind = _EXPANDABLE[name]
    if kind == "payment_method" and object_id.startswith("card_"):
        kind = "card"
    found = call.store.find(kind, object_id)
    return payment_methods.as_method(call, found) if found and name == "payment_method" else found
