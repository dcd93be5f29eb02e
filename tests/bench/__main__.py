"""Measure the shop and a bare Django site in turns. `make bench` runs this module.

Everything runs on the loopback interface and in a temporary folder, and stops at the end, after an error and after
Ctrl-C. The environment variables are described in docs/performance.md.
"""

import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import growth, results
from tests.bench.client import Visitor, exchange, make_request, status_of
from tests.bench.databases import new_database
from tests.bench.load import stress
from tests.bench.measuring import (
    Cell,
    Target,
    count_statements,
    make_bare_target,
    make_other_target,
    make_target,
    measure_journeys,
    measure_pages,
)
from tests.bench.options import Options, read_options
from tests.bench.pages import INSTANT_JOURNEYS, JOURNEYS, Goods, buy, read_goods
from tests.bench.processes import memory_megabytes
from tests.bench.results import say
from tests.bench.servers import (
    COUNTING,
    INSTANT,
    Server,
    Site,
    running_baseline,
    running_shop,
    running_simulator,
)
from tests.ports import free_port

WARM, COLD = "shop", "shop, no cache"


def main() -> int:
    """Run the benchmark. Return the exit status: 1 if an answer was 500 or above."""
    options = read_options()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # shells let programs in the background ignore it
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="run-", dir=options.folder) as folder, ExitStack() as stack:
            found = run(options, Path(folder), stack)
    except KeyboardInterrupt:
        say("\nStopped. All servers of the benchmark have ended.")
        return 130
    path = options.folder / "results.json"
    results.write(path, found)
    say(f"\nWritten to {path}.")
    return int(any(int(status) >= 500 or status == "0" for status in found["stress"]))


def run(options: Options, folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Measure everything, print the tables and return the figures."""
    stripe_port = free_port()
    stack.enter_context(running_simulator(folder, stripe_port))
    url = stack.enter_context(new_database(folder, options.database_url, "shop"))
    site = Site(folder, url, stripe_port)
    say(f"Filling a shop with {options.products:,} products.")
    site.prepare(options.products)
    found = _environment(options) | _measure(options, site, stack)
    found["starts"] = _starts(site, options)
    say(f"\nSeconds from the start of a server to its first page: {found['starts']}")
    if options.growth:
        found["growth"] = growth.compare(options, folder, stripe_port)
        say("\n" + results.render(found["growth"], growth.COLUMNS))
    return found


def _environment(options: Options) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "database": "PostgreSQL" if options.database_url else "SQLite",
        "products": options.products,
        "encoding": options.encoding,
    }


def _measure(options: Options, site: Site, stack: ExitStack) -> dict[str, Any]:
    warm = make_target(stack.enter_context(running_shop(site, WARM)), options)
    cold = make_target(stack.enter_context(running_shop(site, COLD, PAGE_CACHE="off")), options)
    bare = make_bare_target(stack.enter_context(running_baseline(site)), warm)
    shops, others = [warm, cold], []
    if options.compare_port:
        others = [make_other_target(Server("compared", options.compare_port), warm)]
    before = _memory([*shops, bare])
    goods = read_goods(warm.server.port, site.unlimited_product())
    say("Measuring the pages.")
    cells = measure_pages([*shops, bare, *others], options)
    cells += measure_journeys(JOURNEYS, shops, goods, options)
    with running_shop(site, WARM, workers=1, **INSTANT) as server:
        cells += measure_journeys(INSTANT_JOURNEYS, [Target(server, {}, options.encoding)], goods, options)
    _count(cells, options, site, goods)
    rows = results.summarize(cells)
    say("\n" + results.render(rows))
    say(f"\nEight clients for {options.scale.stress_seconds:g} seconds.")
    statuses = stress(warm.server.port, _actions(warm, goods), options.scale.stress_seconds)
    memory = {name: [before[name], after] for name, after in _memory([*shops, bare]).items()}
    say(f"Answers by status: {dict(statuses)}\nMegabytes of a worker before and after: {memory}")
    return {"pages": rows, "stress": {str(status): times for status, times in statuses.items()}, "memory": memory}


def _count(cells: list[Cell], options: Options, site: Site, goods: Goods) -> None:
    """Store the numbers of statements, which separate servers count."""
    for name, cache in ((WARM, {}), (COLD, {"PAGE_CACHE": "off"})):
        with running_shop(site, "counting", workers=1, application=COUNTING, **cache) as server:
            counts = count_statements(make_target(server, options), JOURNEYS, goods)
        for cell in cells:
            if cell.server == name:
                cell.statements = counts.get(cell.page)


def _actions(target: Target, goods: Goods) -> list[Callable[[], int]]:
    """Return what the clients under load do in turn. Each action returns the status of its last answer."""
    port = target.server.port

    def look(request: bytes) -> int:
        return status_of(exchange(port, request))

    def purchase() -> int:
        visitor = Visitor(port)
        with suppress(RuntimeError):  # after an error, which the status shows
            buy(visitor, goods)
        return visitor.answers[-1].status

    return [*(partial(look, target.request_for(name)) for name in target.pages), purchase]


def _memory(targets: list[Target]) -> dict[str, float]:
    """Return the megabytes of the largest worker of each server."""
    return {target.server.name: round(max(map(memory_megabytes, target.server.workers())), 1) for target in targets}


def _starts(site: Site, options: Options) -> dict[str, float]:
    """Return how many seconds a server needs from its start until it has sent the product list."""

    def start(context: Any) -> float:
        before = time.monotonic()
        with context as server:
            exchange(server.port, make_request(server.port, "/products/"))
            return time.monotonic() - before

    times = range(options.scale.starts)
    return {
        "shop": round(median(start(running_shop(site, "start", workers=1)) for _start in times), 2),
        "baseline": round(median(start(running_baseline(site, workers=1)) for _start in times), 2),
    }


def _interrupt(*_args: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
