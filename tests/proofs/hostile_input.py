"""Hostile input for every form: invalid values, malformed bodies and headers of cross-site requests."""

import json
from collections.abc import Mapping

from tests.proofs.abuse_data import MARKUP
from tests.proofs.hostile_client import FORM

DIGITS = "9" * 500
INVALID_VALUES = [
    "-1", "0x10", "1.5", "1e9", "NaN", "sNaN", "-Infinity", DIGITS, DIGITS * 10, "\u0663.\u0665", "\u00b2", "\x00",
    "1\x00", "1\r\nSet-Cookie: evil=1", "' OR 1=1 --", "1; DROP TABLE carts_cart", "%", "\u202e", "[1]", "../1",
    MARKUP, "x" * 10_240,
]  # fmt: skip
MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="quantity"\r\n\r\n1\r\n'
MALFORMED_BODIES: dict[str, tuple[str, bytes, int]] = {
    "json": ("application/json", json.dumps({"product_id": 1, "quantity": 1}).encode(), 302),
    "xml": ("application/xml", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', 302),
    "text": ("text/plain", b"product_id=1", 302),
    "no type": ("", b"product_id=1", 302),
    "invalid type": ("\xff/;;;=", b"product_id=1", 302),
    "truncated multipart": (MULTIPART, PART[:40], 302),
    "multipart without closing boundary": (MULTIPART, PART, 302),
    "multipart without boundary": ("multipart/form-data", PART, 400),
    "multipart with a non-ASCII boundary": ("multipart/form-data; boundary=\xff", PART, 400),
    "multipart with a long boundary": ("multipart/form-data; boundary=" + "b" * 300, PART, 400),
    "multipart with invalid base64": (
        MULTIPART, PART.replace(b"\r\n\r\n1", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n!") + b"--b--", 302,
    ),
    "multipart with a file": (
        MULTIPART, PART.replace(b'"quantity"', b'"product_id"; filename="../../x"') + b"--b--", 302,
    ),
    "other encoding": (f"{FORM}; charset=rot13", b"cebqhpg_vq=1", 302),
    "unknown encoding": (f"{FORM}; charset=klingon", b"product_id=x", 302),
    "not UTF-8": (FORM, b"product_id=\xff\xfe\x00", 302),
    "four megabytes": (FORM, b"product_id=1&note=" + b"x" * 4_000_000, 413),
    "four megabytes of multipart": (MULTIPART, PART.replace(b"1", b"1" * 4_000_000) + b"--b--", 413),
    "3,000 fields": (FORM, b"&".join(b"product_id=1" for _ in range(3000)), 400),
    "30,000 fields": (FORM, b"a&" * 30_000, 400),
    "1,100 parts": (MULTIPART, PART * 1100 + b"--b--", 400),
    "300 files": (MULTIPART, PART.replace(b'"quantity"', b'"q"; filename="f"') * 300 + b"--b--", 400),
}  # fmt: skip
CROSS_SITE_HEADERS: list[Mapping[str, str]] = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://127.0.0.1.evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Referer": "http://127.0.0.1/"},
    {"X-CSRFToken": "x" * 64},
    {"X-CSRFToken": "x" * 9000},
]
