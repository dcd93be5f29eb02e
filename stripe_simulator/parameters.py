"""Form-encoded parameters: decoded from bracket notation and validated against the SDK's typed parameter lists."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import stripe

from stripe_simulator.errors import invalid

API_VERSION: str = stripe.api_version
_OPTIONS = frozenset(stripe.RequestOptions.__annotations__)
_SECRET = frozenset({"number", "cvc"})


def decode(text: str) -> dict[str, Any]:
    """Decode `a[b]=1&c[]=2` as {"a": {"b": "1"}, "c": ["2"]}."""
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        path = re.split(r"\]\[|\[", key.removesuffix("]"))
        node = tree
        for part in path[:-1]:
            below = node.get(part)
            node[part] = node = below if isinstance(below, dict) else {}
        node[path[-1] or str(len(node))] = value
    return {key: value if key == "metadata" else _as_list(value) for key, value in tree.items()}


def _as_list(node: Any) -> Any:
    """Convert dictionaries whose keys are all positions to lists, at every depth."""
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_as_list(value) for value in node.values()]
    return {key: _as_list(value) for key, value in node.items()}


def redacted(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters without card numbers and security codes, so that they can be stored."""
    return {
        key: redacted(value) if isinstance(value, dict) else "[removed]" if key in _SECRET else value
        for key, value in params.items()
    }


def check(params: dict[str, Any], params_type: str, parent: str = "") -> None:
    """Raise ApiError unless the parameters match the class `params_type` in `stripe.params`.

    Unlisted parameters, values of the wrong type, and missing or empty required parameters are rejected. `parent` is
    the label of the enclosing parameter.
    """
    fields = _fields(params_type)
    for name, value in params.items():
        label = f"{parent}[{name}]" if parent else name
        if name not in fields:
            raise invalid(f"Received unknown parameter: {label}", "parameter_unknown", label)
        _check_value(label, value, fields[name])
    _check_required(params, params_type, parent)


def _check_required(params: dict[str, Any], params_type: str, parent: str) -> None:
    """Raise ApiError if a required parameter is missing or empty."""
    for name in sorted(getattr(stripe.params, params_type).__required_keys__):
        if name not in params:
            label = f"{parent}[{name}]" if parent else name
            raise invalid(f"Missing required param: {label}.", "parameter_missing", label)
        if params[name] == "":
            raise invalid(_empty_value_message(name), "parameter_invalid_empty", name)


def _fields(params_type: str) -> dict[str, str]:
    """Return the names and annotations of a parameter list, without the SDK's request options."""
    annotations = getattr(stripe.params, params_type).__annotations__
    return {name: str(kind) for name, kind in annotations.items() if name not in _OPTIONS}


def _check_value(label: str, value: Any, annotation: str) -> None:
    """Raise ApiError if the annotation does not allow the value."""
    nested = re.findall(r"\b[A-Z]\w+Params[A-Z]\w*", annotation)
    choices = re.findall(r"'([a-z_]+)'", annotation) if "Literal[" in annotation else []
    if label == "metadata":
        _check_metadata(value)
    elif isinstance(value, dict):
        if not nested:
            raise invalid(f"Invalid string: {value}", "", label)
        check(value, nested[0], label)
    elif not isinstance(value, str):
        return
    elif annotation in ("<class 'int'>", "typing.NotRequired[int]"):
        _check_integer(label, value)
    elif "NotRequired[bool]" in annotation and value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", "", label)
    elif choices and not nested and value and value not in choices:
        raise invalid(f"Invalid {label}: must be one of {', '.join(choices[:-1])} or {choices[-1]}", "", label)


def _check_integer(label: str, value: str) -> None:
    """Raise ApiError unless the value is a whole number of at most 12 digits."""
    if not re.fullmatch(r"-?[0-9]{1,12}", value):
        raise invalid(f"Invalid integer: {value}", "parameter_invalid_integer", label)


def _check_metadata(value: Any) -> None:
    """Raise ApiError if the metadata is not a mapping of strings or exceeds Stripe's limits.

    The limits are 50 keys, 40 characters per key and 500 characters per value.
    """
    if not isinstance(value, dict):
        if value:
            raise invalid("Invalid object", "", "metadata")
        return
    for key, text in value.items():
        if not isinstance(text, str):
            raise invalid("Metadata values must be strings.", "", "metadata")
        if len(value) > 50 or len(key) > 40 or len(text) > 500:
            raise invalid(f"Metadata is too long at {key}.", "", "metadata")


def _empty_value_message(name: str) -> str:
    """Return Stripe's message about an empty value for a required parameter."""
    return f"You passed an empty string for '{name}'. Remove it from your request or supply a non-empty value."
