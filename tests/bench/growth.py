"""Compares the pages of a small catalog with those of a large one."""

import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.counting import CLEAR
from tests.bench.databases import new_database
from tests.bench.measuring import Cell, Target, make_target, measure_pages
from tests.bench.options import Options
from tests.bench.results import percentile, say
from tests.bench.servers import COUNTING, Site, running_shop

COLUMNS = {
    "page": "page", "cache": "page cache", "small_ms": "p50 ms, small", "large_ms": "p50 ms, large",
    "of_small": "% of the small shop's rate", "first_ms": "ms without any cache, large",
}  # fmt: skip


def compare(options: Options, folder: Path, stripe_port: int) -> list[dict[str, Any]]:
    """Return a row for each page, with the page cache on and off."""
    with ExitStack() as stack:
        sites = [_make_site(stack, options, folder, stripe_port, size) for size in options.scale.growth]
        first = _first_looks(sites[-1], options)
        rows = []
        for cache in ("on", "off"):
            with ExitStack() as servers:
                targets = [
                    make_target(servers.enter_context(running_shop(site, name, PAGE_CACHE=cache)), options)
                    for name, site in zip(("small", "large"), sites, strict=True)
                ]
                rows += _rows(measure_pages(targets, options), cache, first)
        return rows


def _make_site(stack: ExitStack, options: Options, folder: Path, stripe_port: int, size: int) -> Site:
    say(f"Filling a shop with {size:,} products.")
    own = folder / f"growth{size}"
    own.mkdir()
    site = Site(own, stack.enter_context(new_database(own, options.database_url, own.name)), stripe_port)
    site.prepare(size)
    return site


def _first_looks(site: Site, options: Options) -> dict[str, float]:
    """Return how many milliseconds each page takes when all caches are empty."""
    with running_shop(site, "first", workers=1, application=COUNTING) as server:
        target = make_target(server, options)
        for name in target.pages:
            target.look_at(name)  # compiles the templates
        return {name: _look_without_caches(target, name) for name in target.pages}


def _look_without_caches(target: Target, name: str) -> float:
    before = time.perf_counter()
    target.look_at(name, **{CLEAR: "on"})
    return round(1000 * (time.perf_counter() - before), 1)


def _rows(cells: list[Cell], cache: str, first: dict[str, float]) -> list[dict[str, Any]]:
    by_key = {(cell.page, cell.server): cell for cell in cells}
    rows = []
    for name in dict.fromkeys(cell.page for cell in cells):
        small, large = by_key[name, "small"], by_key[name, "large"]
        ratios = [many.rate / few.rate for few, many in zip(small.bursts, large.bursts, strict=True)]
        rows.append({
            "page": name, "cache": cache, "small_ms": _p50(small), "large_ms": _p50(large),
            "of_small": round(100 * median(ratios), 1), "first_ms": first.get(name) if cache == "off" else None,
        })  # fmt: skip
    return rows


def _p50(cell: Cell) -> float:
    return round(1000 * percentile([seconds for burst in cell.bursts for seconds in burst.latencies], 0.5), 2)
