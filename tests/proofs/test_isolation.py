"""Proof that shared pages show nothing of another visitor, and that strangers cannot fill the caches."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from django.core.cache import cache
from django.test import Client

from conftest import skip_unless_ci
from products.models import Product
from stripe_simulator.server import Simulator
from tests.bench.processes import memory_megabytes
from tests.makers import make_product, make_user
from tests.proofs.fresh_shops import Shops, running_shops
from tests.proofs.hostile_client import SAME_SITE, Attacker, Response
from tests.proofs.proof_report import ProofReport, scaled
from tests.redis_server import NO_REDIS, running_redis

PROOF = "Isolation"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]
VISITORS = 20
ANSWERS = scaled(quick=10, small=100, full=2_500)  # to each visitor
URLS = scaled(quick=100, small=2_000, full=100_000)
MAX_KEYS = 20_000  # of the shop in Redis
MAX_GROWTH = 32  # megabytes of a process
MARKERS = 50
LANGUAGES = {"en-gb": "in your cart", "de": "in Ihrem Warenkorb"}
CATALOG = ["/", "/products/", "/products/?page=1", "/products/?q=keepsake", "/products/?price_from=1"]


@dataclass
class Person:
    """A visitor with a cart and a language, some with an account, who knows what each page must show."""

    number: int
    product: int  # the id of the product in the cart
    person: Attacker
    random: Random
    language: str = "en-gb"
    units: int = 0
    expects_message: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"Nell Number{self.number:02d}"

    @property
    def email(self) -> str:
        return f"nell{self.number:02d}@example.org"

    @property
    def traces(self) -> list[str]:
        """What pages show only to this visitor: name, email address and messages."""
        return [self.name, self.email, f"× {keepsake(self.number)}"]

    def prepare(self) -> None:
        """Sign in every second visitor, and let all choose a language and fill their carts."""
        if self.number % 2:
            assert self.person.log_in(self.email).status == 302
        self.choose_language()
        self.add()

    def choose_language(self) -> None:
        self.language = self.random.choice(list(LANGUAGES))
        self.person.post("/language/", {"language": self.language}, SAME_SITE)

    def add(self) -> None:
        """Add some units of the own product, which leaves a message for the next page."""
        units = self.random.randint(1, 3)
        if self.units + units <= 90:
            assert self.person.add(self.product, units).status == 302
            self.units, self.expects_message = self.units + units, True

    def act(self, shops: Shops, others: list[str]) -> None:
        """Do something at one of the processes, and check the answer."""
        self.person.port = self.random.choice(shops.servers).port
        chance = self.random.random()
        if chance < 0.1:
            self.add()
        elif chance < 0.15:
            self.choose_language()
        own = f"/products/keepsake-{self.number:02d}/"
        private = ["/cart/", *(["/accounts/profile/"] if self.number % 2 else [])]
        path = self.random.choice([*CATALOG, own, own, *private])
        self.check(path, self.person.get(path), others)

    def check(self, path: str, response: Response, others: list[str]) -> None:
        """Record what the page shows of others, and what it does not show of this visitor."""
        text, expected = response.text, [f'<html lang="{self.language}">', f"data-cart-items>{self.units}<"]
        if path.startswith("/products/keepsake"):
            expected.append(f"{self.units} {LANGUAGES[self.language]}")
        if self.expects_message:
            expected.append(self.traces[-1])
        cookies = [value for name, value in response.headers if name.lower() == "set-cookie"]
        found = [f"{word} of another visitor" for word in others if word in text]
        found += [f"no {word}" for word in expected if word not in text]
        if cookies and path in CATALOG and not self.expects_message:
            found.append(f"Set-Cookie: {cookies}")
        self.problems += [f"{self.name}, {path}: {problem}" for problem in found]
        self.expects_message = False


def keepsake(number: int) -> str:
    """Return the title of the product that only this visitor buys."""
    return f"Keepsake {number:02d}"


def make_people(shops: Shops) -> list[Person]:
    """Create the visitors with their products. Those with odd numbers have accounts."""
    people = []
    for number in range(VISITORS):
        product = make_product(title=keepsake(number), stock=None)
        visitor = Attacker(shops.servers[0].port, f"127.3.0.{number + 1}")
        people.append(Person(number, product.pk, visitor, Random(number)))  # noqa: S311
        if number % 2:
            make_user(people[-1].email, name=people[-1].name)
    for person in people:
        person.prepare()
    return people


def visit(person: Person, shops: Shops, people: list[Person]) -> None:
    """Let one visitor look at pages."""
    others = [trace for other in people if other is not person for trace in other.traces]
    for _answer in range(ANSWERS):
        person.act(shops, others)


def test_pages_show_nothing_of_another_visitor(simulator: Simulator, report: ProofReport, tmp_path: Path) -> None:
    with running_shops(tmp_path, simulator) as shops:
        people = make_people(shops)
        with ThreadPoolExecutor(VISITORS) as pool:
            visits = [pool.submit(visit, person, shops, people) for person in people]
            for number in range(ANSWERS):  # so that the pages are stored again and again
                Product.objects.filter(pk=people[number % VISITORS].product).update(price=1 + number % 50)
            for one in visits:
                one.result()
    report.count_try(times=VISITORS * ANSWERS)
    for person in people:
        for problem in person.problems:
            report.expect(False, "leaked", problem)


def test_check_finds_the_page_of_another_visitor() -> None:
    person = Person(1, 1, Attacker(0), Random(1), units=2)  # noqa: S311
    other = Person(2, 2, Attacker(0), Random(2), units=3)  # noqa: S311
    page = f'<html lang="en-gb"><b data-cart-items>3</b> Now 3 × {keepsake(2)}'.encode()
    person.check("/", Response(200, [("Set-Cookie", "sessionid=x")], page), other.traces)
    assert [problem.partition(": ")[2] for problem in person.problems] == [
        "× Keepsake 02 of another visitor",
        "no data-cart-items>2<",
        "Set-Cookie: ['sessionid=x']",
    ]


def hostile_paths() -> Iterator[str]:
    """Yield paths that are all different, as somebody would request them who wants to fill the cache."""
    number = 0
    while True:
        number += 1
        yield f"/products/?q=word{number}"
        yield f"/products/?price_from={number}&price_to={number + 1}"
        yield f"/products/?unknown={number}&utm_source=x{number}"
        yield f"/products/?page={number}"
        yield f"/products/?category=nothing-{number}"
        yield f"/?ref={number}"
        yield f"/products/keepsake-00/?x={number}"
        yield f"/products/nothing-{number}/"
        yield f"/products/?sort=price&in_stock={number}&q=a{number}"


def test_hostile_urls_leave_shared_memory_within_its_bound(
    simulator: Simulator, report: ProofReport, tmp_path: Path
) -> None:
    import redis

    report.name = "Hostile URLs, cache in Redis"
    with running_redis() as url:
        if url is None:
            skip_unless_ci(NO_REDIS)
        server = redis.Redis.from_url(str(url))
        for number in range(MARKERS):
            server.set(f"another-shop:{number}", number)
        with running_shops(tmp_path, simulator, CACHE_URL=str(url)) as shops:
            attack(shops, report)
        left = sum(server.exists(f"another-shop:{number}") for number in range(MARKERS))
        report.expect(left == MARKERS, "unexplained", f"{MARKERS - left} entries of others are gone")
        report.expect(server.dbsize() <= MAX_KEYS + MARKERS, "unexplained", f"{server.dbsize()} keys")


def test_hostile_urls_leave_process_memory_within_its_bound(
    simulator: Simulator, report: ProofReport, tmp_path: Path
) -> None:
    report.name = "Hostile URLs, cache in process memory"
    with running_shops(tmp_path, simulator, CACHE_URL="locmemcache://") as shops:
        attack(shops, report)


def attack(shops: Shops, report: ProofReport) -> None:
    """Request hostile URLs from both processes, and check how much their memory grows."""
    make_product(title=keepsake(0))
    shops.fill_caches(["/", "/products/", "/products/keepsake-00/"])
    [before, *_others] = [max(map(memory_megabytes, server.workers())) for server in shops.servers]
    attackers = [shops.visitor(number) for number in range(len(shops.servers))]
    for number, path in enumerate(islice(hostile_paths(), URLS)):
        attackers[number % len(attackers)].get(path)
        report.count_try()
    after = max(memory_megabytes(worker) for server in shops.servers for worker in server.workers())
    report.expect(after - before <= MAX_GROWTH, "unexplained", f"{after - before:.0f} megabytes more")


def test_hostile_urls_leave_other_entries_in_place(client: Client, report: ProofReport) -> None:
    report.name = "Hostile URLs, other entries"
    make_product(title=keepsake(0))
    client.get("/products/")
    for number in range(MARKERS):
        cache.set(f"marker-{number}", number, None)
    for path in islice(hostile_paths(), min(URLS, 5_000)):
        client.get(path)
        report.count_try()
    left = sum(cache.get(f"marker-{number}") == number for number in range(MARKERS))
    report.expect(left == MARKERS, "unexplained", f"{MARKERS - left} entries are gone")
