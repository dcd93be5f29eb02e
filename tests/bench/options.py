"""What the environment asks of the benchmark."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
MAX_PRODUCTS = 1_000_000


@dataclass(frozen=True)
class Scale:
    """How long the benchmark measures."""

    products: int
    rounds: int
    burst_seconds: float
    burst_requests: int  # at most
    journeys: int  # of each kind in a round
    stress_seconds: float
    starts: int
    growth: tuple[int, int]  # products of the small and the large shop


SCALES = {
    "tiny": Scale(60, 1, 0.05, 10, 1, 0.5, 1, (60, 120)),  # only to see that it works
    "small": Scale(1_000, 3, 0.15, 500, 3, 3, 1, (1_000, 10_000)),
    "full": Scale(10_000, 5, 0.7, 5_000, 10, 60, 5, (1_000, 100_000)),
}


@dataclass(frozen=True)
class Options:
    """The options of a run."""

    scale: Scale
    products: int
    database_url: str  # of a PostgreSQL server, or empty for SQLite
    compare_port: int | None
    growth: bool
    encoding: str
    folder: Path  # for the results


def read_options() -> Options:
    """Return the options in the environment. Exit with a message if one is invalid."""
    name = os.environ.get("SCALE") or "full"
    if name not in SCALES:
        sys.exit(f"SCALE={name} is not one of {', '.join(SCALES)}.")
    url = os.environ.get("DATABASE_URL", "")
    return Options(
        scale=SCALES[name],
        products=_number("PRODUCTS", SCALES[name].products, MAX_PRODUCTS),
        database_url=url if url.startswith("postgres") else "",
        compare_port=_loopback_port(os.environ.get("COMPARE", "")),
        growth=os.environ.get("GROWTH", "off") == "on",
        encoding=os.environ.get("ENCODING", "gzip, br"),
        folder=Path(os.environ.get("VAR_DIR") or ROOT / "var") / "bench",
    )


def _number(name: str, default: int, most: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        sys.exit(f"{name}={text} is not a number from 1 to {most:,}.")
    return int(text)


def _loopback_port(url: str) -> int | None:
    """Return the port of another server to compare with. It must be on this machine."""
    if not url:
        return None
    parts: Any = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
        sys.exit(f"COMPARE={url} is not a URL such as http://127.0.0.1:8000.")
    return int(parts.port or 80)
