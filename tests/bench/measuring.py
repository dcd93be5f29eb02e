"""Measures all pages at all servers, in short bursts that take turns."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.bench import pages
from tests.bench.client import Answer, Visitor, make_request
from tests.bench.counting import STATEMENTS
from tests.bench.load import Burst, repeat, send_burst
from tests.bench.options import Options
from tests.bench.pages import Goods, Journey, Page
from tests.bench.servers import Server

WARM_UP = 16  # requests: the workers share the connections unevenly, and each fills its own memory
WARM_UP_SECONDS = 5
CARTS = (5, 50)  # lines


@dataclass
class Cell:
    """The measurements of one page or journey at one server."""

    page: str
    server: str
    bursts: list[Burst] = field(default_factory=list)
    statements: int | None = None
    bytes: int = 0


@dataclass
class Target:
    """A server with its pages, and the visitors who look at them: one for each number of lines in the cart."""

    server: Server
    pages: dict[str, Page]
    encoding: str
    visitors: dict[int, Visitor] = field(default_factory=dict)
    sizes: dict[str, int] | None = None  # of the bare site: the bytes to send for each page

    def request_for(self, name: str) -> bytes:
        """Return the request for a page."""
        headers = self._headers | self._visitor(name).cookie_header()
        return make_request(self.server.port, self._path(name), headers)

    def look_at(self, name: str, **headers: str) -> Answer:
        """Return the page as the measured visitor sees it. The visitor keeps their cookies."""
        visitor = Visitor(self.server.port, self._headers, dict(self._visitor(name).cookies))
        return visitor.send("GET", self._path(name), headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Accept": "text/html,*/*", "Accept-Encoding": self.encoding}

    def _visitor(self, name: str) -> Visitor:
        return self.visitors.get(self.pages[name].lines) or Visitor(self.server.port)

    def _path(self, name: str) -> str:
        page = self.pages[name]
        if self.sizes is None:
            return page.path
        return f"{page.bare_path}{'&' if '?' in page.bare_path else '?'}bytes={self.sizes[name]}"


def make_target(server: Server, options: Options) -> Target:
    """Return a shop with its pages, and with visitors who have filled carts."""
    slugs = pages.product_slugs(server.port, max(CARTS))
    carts = [lines for lines in CARTS if lines <= len(slugs)]
    visitors = {lines: pages.fill_cart(Visitor(server.port), slugs, lines) for lines in carts}
    shown = pages.pages(slugs, deep=max(pages.last_page(server.port) - 1, 1))  # the last page can be short
    offered = {page.name: page for page in shown if page.lines in (0, *carts)}
    return Target(server, offered, options.encoding, visitors)


def make_bare_target(server: Server, shop: Target) -> Target:
    """Return the bare site, which sends as many bytes for each page as the shop does."""
    sizes = {name: len(shop.look_at(name).body) for name in shop.pages}
    return Target(server, shop.pages, shop.encoding, sizes=sizes)


def make_other_target(server: Server, shop: Target) -> Target:
    """Return another shop with the pages that it has under the same paths. No visitor has a cart there."""
    target = Target(server, dict(shop.pages), shop.encoding)
    found = {name: page for name, page in shop.pages.items() if not page.lines and target.look_at(name).status == 200}
    return Target(server, found, shop.encoding)


def measure_pages(targets: Sequence[Target], options: Options) -> list[Cell]:
    """Measure each page at each server in several rounds. The servers take turns, and each round another begins."""
    cells: dict[tuple[str, str], Cell] = {}
    for name in targets[0].pages:
        for target in targets:
            if name in target.pages:
                _warm_up(target, name)
                cell = Cell(name, target.server.name, bytes=len(target.look_at(name).body))
                cells[name, target.server.name] = cell
    scale = options.scale
    for turn in range(scale.rounds):
        for name in targets[0].pages:
            for target in _rotated(targets, turn):
                if cell_of := cells.get((name, target.server.name)):
                    request = target.request_for(name)
                    burst = send_burst(target.server, request, scale.burst_seconds, scale.burst_requests)
                    cell_of.bursts.append(burst)
    return list(cells.values())


def measure_journeys(
    journeys: Sequence[Journey], targets: Sequence[Target], goods: Goods, options: Options
) -> list[Cell]:
    """Measure each journey at each shop, each time with a new visitor."""
    cells = {(journey.name, target.server.name): Cell(journey.name, target.server.name)
             for journey in journeys for target in targets}  # fmt: skip
    for turn in range(options.scale.rounds):
        for journey in journeys:
            for target in _rotated(targets, turn):
                burst = repeat(target.server, _as_new_visitor(journey, target, goods), options.scale.journeys)
                cells[journey.name, target.server.name].bursts.append(burst)
    return list(cells.values())


def count_statements(target: Target, journeys: Sequence[Journey], goods: Goods) -> dict[str, int]:
    """Return how many statements each page and each journey needs, at a server that counts them."""
    counts = {}
    for name in target.pages:
        _warm_up(target, name)
        counts[name] = _statements([target.look_at(name)])
    for journey in journeys:
        _as_new_visitor(journey, target, goods)()
        visitor = Visitor(target.server.port)
        journey.run(visitor, goods)
        counts[journey.name] = _statements(visitor.answers)
    return counts


def _statements(answers: Iterable[Answer]) -> int:
    return sum(int(answer.header(STATEMENTS.lower())) for answer in answers)


def _as_new_visitor(journey: Journey, target: Target, goods: Goods) -> Callable[[], None]:
    return lambda: journey.run(Visitor(target.server.port), goods)


def _warm_up(target: Target, name: str) -> None:
    send_burst(target.server, target.request_for(name), WARM_UP_SECONDS, WARM_UP)


def _rotated(targets: Sequence[Target], turn: int) -> list[Target]:
    first = turn % len(targets)
    return [*targets[first:], *targets[:first]]
