"""Two server processes of one shop, and visitors and staff who look at both."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accounts.models import User
from stripe_simulator.server import Simulator
from tests.bench.servers import Server, Site, running_shop
from tests.makers import make_user
from tests.proofs.hostile_client import Attacker, Response
from tests.proofs.production_server import RetryingVisitor, database_url

BOSS = "boss@example.org"
SITE_URL = "http://127.0.0.1:8000"  # The processes share it, and so the keys of a shared cache.


@dataclass(frozen=True)
class Expected:
    """What a page must show, and must not show any more, after a change."""

    path: str
    shown: Sequence[str] = ()
    gone: Sequence[str] = ()
    status: int = 200

    def problems(self, response: Response) -> list[str]:
        """Return what is wrong with the page."""
        text = response.visible_text if response.status == 200 else ""
        found = [f"status {response.status}"] if response.status != self.status else []
        found += [f"without {word!r}" for word in self.shown if word not in text]
        return found + [f"with {word!r}" for word in self.gone if word in text]


@dataclass
class Shops:
    """The processes, and the cookies of a visitor who looks at their pages."""

    servers: Sequence[Server]
    cookies: dict[str, str] = field(default_factory=dict)

    def visitor(self, number: int = 0) -> RetryingVisitor:
        """Return a new visitor of one process."""
        return RetryingVisitor(self.servers[number].port)

    def look(self, path: str, with_cookies: bool = False) -> list[Response]:
        """Return a page as each process shows it now."""
        responses = []
        for number in range(len(self.servers)):
            visitor = self.visitor(number)
            visitor.cookies = dict(self.cookies) if with_cookies else {}
            responses.append(visitor.get(path))
        return responses

    def fill_caches(self, paths: Sequence[str]) -> None:
        """Look at the pages several times, so that every cache holds them."""
        for path in paths:
            for _time in range(3):
                self.look(path)

    def problems(self, expected: Sequence[Expected], with_cookies: bool = False) -> list[str]:
        """Return what is wrong with the pages of each process."""
        return [
            f"process {number}, {page.path} {problem}"
            for page in expected
            for number, response in enumerate(self.look(page.path, with_cookies))
            for problem in page.problems(response)
        ]

    def staff(self, number: int = 0) -> Attacker:
        """Return a superuser who is signed in to the admin of one process."""
        if not User.objects.filter(email=BOSS).exists():
            make_user(BOSS, is_staff=True, is_superuser=True)
        staff = self.visitor(number)
        assert staff.log_in(BOSS, path="/admin/login/").status == 302
        return staff


@contextmanager
def running_shops(folder: Path, simulator: Simulator, number: int = 2, **variables: str) -> Iterator[Shops]:
    """Run so many processes of the shop on the test's database, each with one worker and its page cache on."""
    stripe_port = int(simulator.url.rpartition(":")[2])
    keys = {
        f"STRIPE_{name}": f"{prefix}_test_tests" for name, prefix in (("SECRET_KEY", "sk"), ("PUBLISHABLE_KEY", "pk"))
    }
    settings = {"DJANGO_SETTINGS_MODULE": "tests.proofs.fresh_settings", "SITE_URL": SITE_URL, "PAGE_CACHE": "on"}
    settings |= {"GUNICORN_CMD_ARGS": "--preload"}  # so that a new worker starts quickly
    site = Site(folder, database_url(), stripe_port)
    with ExitStack() as stack:
        shops = [
            stack.enter_context(running_shop(site, f"process{one}", 1, **settings, **keys, **variables))
            for one in range(number)
        ]
        yield Shops(shops)


def post_form(staff: Attacker, url: str, **changes: Any) -> Response:
    """Change fields of a form in the admin and save it, as a browser does."""
    from tests.admin_forms import open_form

    response = open_form(staff, url).submit(**changes)  # type: ignore[arg-type] - it only needs `get` and `post`
    assert response.status == 302, response.visible_text[:2000]
    return response


def try_form(staff: Attacker, url: str, **changes: Any) -> None:
    """Change fields of a form. The process can die during the request."""
    with suppress(AssertionError, OSError):
        post_form(staff, url, **changes)
