"""Compression of shared pages."""

import gzip
import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache

import brotli

BROTLI_QUALITY, GZIP_LEVEL = 5, 6  # for pages that are stored; higher ones take many times as long and save little
# For pages that are sent once: about a fifth larger, in a fifth of the time. A higher quality of Brotli also uses four
# times as much memory, which pushes what the next request needs out of the processor's cache.
QUICK_BROTLI, QUICK_GZIP = 0, 1
MAX_STORED_BLOCK = 65535  # bytes; RFC 1951, section 3.2.4
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
END_OF_STREAM = b"\x01\x00\x00\xff\xff"  # an empty stored block, marked as the last one
LONGEST_ACCEPT_ENCODING = 200


def compress(body: bytes, encoding: str, is_sent_once: bool = False) -> bytes:
    """Return the body in this encoding, `br` or `gzip`."""
    if encoding == "br":
        return brotli.compress(body, mode=brotli.MODE_TEXT, quality=QUICK_BROTLI if is_sent_once else BROTLI_QUALITY)
    return gzip.compress(body, QUICK_GZIP if is_sent_once else GZIP_LEVEL, mtime=0)


def deflate_segment(text: bytes) -> bytes:
    """Return the text as a piece of a deflate stream that refers to nothing before it and ends at a whole byte."""
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(text) + compressor.flush(zlib.Z_FULL_FLUSH)


def join_gzip(segments: Sequence[bytes], texts: Sequence[bytes], body: bytes) -> bytes:
    """Return the gzip encoding of a page from its deflated literals and the texts between them.

    The texts are not compressed. So the length of the answer does not show whether they repeat a part of the page.
    """
    pieces = [GZIP_HEADER, segments[0]]
    for text, segment in zip(texts, segments[1:], strict=True):
        pieces += [_stored(text), segment]
    return b"".join([*pieces, END_OF_STREAM, struct.pack("<II", zlib.crc32(body), len(body) & 0xFFFFFFFF)])


def _stored(text: bytes) -> bytes:
    """Return the text as stored blocks of a deflate stream."""
    chunks = (text[start : start + MAX_STORED_BLOCK] for start in range(0, len(text), MAX_STORED_BLOCK))
    return b"".join(struct.pack("<BHH", 0, len(chunk), len(chunk) ^ 0xFFFF) + chunk for chunk in chunks)


@lru_cache(maxsize=256)
def _negotiate(accepted: str, offered: tuple[str, ...]) -> str:
    weights = dict(_weight(part) for part in accepted.lower().split(","))
    others = weights.get("*", 0.0)
    best = max(offered, key=lambda encoding: weights.get(encoding, others), default="")
    weight = weights.get(best, others) if best else 0.0
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else ""


def negotiate(accepted: str, offered: tuple[str, ...]) -> str:
    """Return the best of the offered encodings for a header Accept-Encoding, or an empty string for none.

    The first one counts among encodings of equal weight. Very long headers get no encoding.
    """
    return _negotiate(accepted, offered) if 0 < len(accepted) <= LONGEST_ACCEPT_ENCODING else ""


def _weight(part: str) -> tuple[str, float]:
    """Return the name and the weight of one encoding. An invalid weight counts as 0."""
    name, _, parameter = part.partition(";")
    key, _, value = parameter.partition("=")
    if not parameter.strip():
        return name.strip(), 1.0
    try:
        weight = float(value.strip())
    except ValueError:
        weight = 0.0
    return name.strip(), weight if key.strip() == "q" and 0 <= weight <= 1 else 0.0
