"""Form-encoded parameters: decoded from brackets and judged by the SDK's own typed lists."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import stripe

from billing.simulator.errors import invalid

API_VERSION: str = stripe.api_version
_OPTIONS = frozenset(stripe.RequestOptions.__annotations__)
_SECRET = frozenset({"number", "cvc"})


def decode(text: str) -> dict[str, Any]:
    """`a[b]=1&c[]=2` as {"a": {"b": "1"}, "c": ["2"]}."""
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
    """A node whose keys are all positions as a list, at every depth."""
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_as_list(value) for value in node.values()]
    return {key: _as_list(value) for key, value in node.items()}


def redacted(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters without card numbers and security codes, fit to be kept."""
    return {
        key: redacted(value) if isinstance(value, dict) else "[removed]" if key in _SECRET else value
        for key, value in params.items()
    }


def check(params: dict[str, Any], typed: str, inside: str = "") -> None:
    """Refuse what `stripe.params.<typed>` does not list, lacks a required field or has the wrong form."""
    fields = _fields(typed)
    for name, value in params.items():
        label = f"{inside}[{name}]" if inside else name
        if name not in fields:
            raise invalid(f"Received unknown parameter: {label}", "parameter_unknown", label)
        _check_value(label, value, fields[name])
    for name in sorted(getattr(stripe.params, typed).__required_keys__):
        if name not in params:
            label = f"{inside}[{name}]" if inside else name
            raise invalid(f"Missing required param: {label}.", "parameter_missing", label)
        if params[name] == "":
            raise invalid(_empty(name), "parameter_invalid_empty", name)


def _fields(typed: str) -> dict[str, str]:
    """Names and annotations of a parameter list, without the SDK's options for a request."""
    annotations = getattr(stripe.params, typed).__annotations__
    return {name: str(kind) for name, kind in annotations.items() if name not in _OPTIONS}


def _check_value(label: str, value: Any, annotation: str) -> None:
    """Refuse a value that its annotation rules out."""
    nested = re.findall(r"\b[A-Z]\w+Params[A-Z]\w*", annotation)
    words = re.findall(r"'([a-z_]+)'", annotation) if "Literal[" in annotation else []
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
    elif words and not nested and value and value not in words:
        raise invalid(f"Invalid {label}: must be one of {', '.join(words[:-1])} or {words[-1]}", "", label)


def _check_integer(label: str, value: str) -> None:
    """Refuse what is no whole number, or is too long to be an amount."""
    if not re.fullmatch(r"-?[0-9]{1,12}", value):
        raise invalid(f"Invalid integer: {value}", "parameter_invalid_integer", label)


def _check_metadata(value: Any) -> None:
    """Refuse metadata over Stripe's limits: 50 keys of 40 characters, values of 500."""
    if not isinstance(value, dict):
        if value:
            raise invalid("Invalid object", "", "metadata")
        return
    for key, text in value.items():
        if not isinstance(text, str):
            raise invalid("Metadata values must be strings.", "", "metadata")
        if len(value) > 50 or len(key) > 40 or len(text) > 500:
            raise invalid(f"Metadata is too long at {key}.", "", "metadata")


def _empty(name: str) -> str:
    """Stripe's sentence on an empty value for what cannot be empty."""
    return f"You passed an empty string for '{name}'. Remove it from your request or supply a non-empty value."
