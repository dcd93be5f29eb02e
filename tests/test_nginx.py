"""Tests for deploy/nginx.conf, with the real nginx: in front of stub servers, and in front of the shop."""

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.client import RemoteDisconnected
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from conftest import skip_unless_ci
from tests.ports import free_port
from tests.shipped_nginx import NGINX, NO_NGINX, Nginx, StubServer, die, echo, running_nginx
from tests.shipped_shop import ShippedShop
from tests.test_headers import ALWAYS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shipped shop")]
CURL = shutil.which("curl")
FORM = "application/x-www-form-urlencoded"
# What depends on the server or the moment, and how each spells the encoding and the type of a file.
OF_SERVER = {
    "server",
    "x-request-id",
    "content-disposition",
    "date",
    "connection",
    "etag",
    "accept-ranges",
    "content-length",
    "content-type",
    "last-modified",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ShippedShop:
    if not NGINX:
        skip_unless_ci(NO_NGINX)
    shop = ShippedShop(tmp_path_factory.mktemp("proxied"), free_port())
    shop.manage("collectstatic", "--noinput", "-v", "0")
    return shop


def start(shop: ShippedShop, servers: list[str]) -> "Iterator[Nginx]":
    https = free_port()
    shop.variables.update(SITE_URL=f"https://localhost:{https}", ALLOWED_HOSTS="localhost", TRUSTED_PROXIES="1")
    with running_nginx(shop, https, servers) as nginx:
        yield nginx


@pytest.fixture(scope="module")
def running_stubs() -> Iterator[list[StubServer]]:
    with StubServer().running() as first, StubServer().running() as second:
        yield [first, second]


@pytest.fixture
def stubs(running_stubs: list[StubServer]) -> list[StubServer]:
    for stub in running_stubs:
        stub.requests, stub.respond = [], echo
    return running_stubs


@pytest.fixture(scope="module")
def proxy(shop: ShippedShop, running_stubs: list[StubServer]) -> Iterator[Nginx]:
    """Run nginx in front of two stub servers. They count as up again immediately after an error."""
    yield from start(shop, [f"{stub.name} max_fails=0" for stub in running_stubs])


@pytest.fixture(scope="module")
def proxy_alone(shop: ShippedShop) -> Iterator[Nginx]:
    """Run nginx in front of a server that is down."""
    yield from start(shop, [f"127.0.0.1:{free_port()}"])


def test_http_redirects_to_https(proxy: Nginx) -> None:
    assert proxy.fetch_http("/cart/?a=1", "localhost") == (301, "https://localhost/cart/?a=1")


def test_http_on_the_port_of_https_redirects(proxy: Nginx, stubs: list[StubServer]) -> None:
    host = f"localhost:{proxy.https}"
    assert replace(proxy, http=proxy.https).fetch_http("/cart/?a=1", host) == (301, f"https://{host}/cart/?a=1")
    assert stubs[0].requests + stubs[1].requests == []


def test_unknown_hosts_get_no_answer(proxy: Nginx, stubs: list[StubServer]) -> None:
    with pytest.raises(RemoteDisconnected):
        proxy.fetch_http("/", "evil.example")
    context = ssl.create_default_context(cafile=proxy.folder / "fullchain.pem")
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", proxy.https), 60) as connection:
        context.wrap_socket(connection, server_hostname="evil.example")
    with pytest.raises(RemoteDisconnected):  # the name in the handshake is known
        proxy.fetch("/", Host="evil.example")
    assert stubs[0].requests + stubs[1].requests == []


def test_forged_headers_do_not_reach_the_shop(proxy: Nginx, stubs: list[StubServer]) -> None:
    forged = {"X_Forwarded_For": "1.2.3.4", "X_Forwarded_Proto": "http", "X_Request_ID": "forged"}
    sent = proxy.fetch("/", **forged).json
    assert (sent["x-forwarded-for"], sent["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert sent["host"] == f"localhost:{proxy.https}"
    assert re.fullmatch("[0-9a-f]{32}", sent["x-request-id"])


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/cart/update/", 90_000, 200), ("/cart/update/", 110_000, 413),
        ("/billing/webhook/", 900_000, 200), ("/billing/webhook/", 1_100_000, 413),
        ("/admin/products/picture/add/", 11_000_000, 200), ("/admin/products/picture/add/", 13_000_000, 413),
    ],
)  # fmt: skip
def test_sizes_of_requests(proxy: Nginx, stubs: list[StubServer], path: str, size: int, status: int) -> None:
    response = proxy.fetch(path, "POST", b"a" * size, Content_Type=FORM, Accept_Language="de")
    assert response.status == status
    if status == 413:
        assert stubs[0].requests + stubs[1].requests == []
        assert '<html lang="de">' in response.text
        assert {name: response.header(name) for name in ALWAYS} == ALWAYS


@pytest.mark.skipif(not CURL, reason="No curl, which speaks HTTP/2.")
def test_page_for_a_large_request_over_http_2(proxy: Nginx, stubs: list[StubServer], tmp_path: Path) -> None:
    """Browsers use HTTP/2, with which nginx checks the size of the request for its error page too."""
    (tmp_path / "body").write_bytes(b"a" * 110_000)
    command = [str(CURL), "--silent", "--http2", "--cacert", str(proxy.folder / "fullchain.pem"), "--include"]
    command += ["--data-binary", f"@{tmp_path / 'body'}", f"https://localhost:{proxy.https}/cart/update/"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert text.startswith("HTTP/2 413")
    assert '<html lang="en-gb">' in text
    assert stubs[0].requests + stubs[1].requests == []


def test_errors_are_logged_without_addresses_and_keys_of_visitors(proxy_alone: Nginx) -> None:
    assert proxy_alone.fetch("/orders/ABC/?key=hidden").status == 503
    assert proxy_alone.fetch("/cart/update/?key=hidden", "POST", b"a" * 110_000).status == 413
    log = (proxy_alone.folder / "log").read_text()
    assert [line for line in log.splitlines() if "hidden" in line or "client: " in line] == []


def test_post_that_a_server_received_is_not_repeated(proxy: Nginx, stubs: list[StubServer]) -> None:
    for stub in stubs:
        stub.respond = die
    assert proxy.fetch("/cart/checkout/", "POST", b"action=place").status == 503
    assert len(stubs[0].requests + stubs[1].requests) == 1
    assert proxy.fetch("/products/").status == 503
    assert len(stubs[0].requests + stubs[1].requests) == 3  # a GET request goes to both


def test_slow_body_reaches_the_shop_in_one_piece(proxy: Nginx, stubs: list[StubServer]) -> None:
    with closing(proxy.connect()) as connection:
        connection.putrequest("POST", "/cart/update/")
        connection.putheader("Content-Length", "4")
        connection.endheaders(b"a=")
        assert proxy.fetch("/").status == 200  # nginx has read the first half by now
        assert "POST /cart/update/" not in stubs[0].requests + stubs[1].requests
        connection.send(b"12")
        assert connection.getresponse().status == 200


def test_pages_are_not_compressed_by_nginx(proxy: Nginx, stubs: list[StubServer]) -> None:
    assert proxy.fetch("/", Accept_Encoding="gzip").header("Content-Encoding") == ""


def test_flood_from_one_ip_address_is_stopped(proxy: Nginx, stubs: list[StubServer]) -> None:
    with closing(proxy.connect(source="127.0.0.9")) as connection:
        statuses, began = [], time.monotonic()
        while 429 not in statuses and time.monotonic() < began + 60:
            connection.request("GET", "/products/")
            response = connection.getresponse()
            page, _read = response.read().decode(), statuses.append(response.status)
    assert statuses.index(429) >= 100
    assert "Please try again later" in page
    assert response.getheader("Retry-After") == "10"
    assert proxy.fetch("/billing/webhook/", "POST", b"{}").status == 200


@pytest.mark.parametrize(("language", "code"), [("de-AT,en;q=0.5", "de"), ("fr", "en-gb"), ("", "en-gb")])
def test_shop_that_is_down_has_a_page(proxy_alone: Nginx, language: str, code: str) -> None:
    response = proxy_alone.fetch("/cart/", Accept_Language=language)
    assert (response.status, response.header("Retry-After")) == (503, "10")
    assert f'<html lang="{code}">' in response.text
    assert "> Shop</a>" in response.text
    assert {name: response.header(name) for name in ALWAYS} == ALWAYS
    assert response.header("Cache-Control") == "no-store"


def test_page_has_its_stylesheets(proxy_alone: Nginx) -> None:
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', proxy_alone.fetch("/").text)
    assert len(files) > 3
    assert {proxy_alone.fetch(path).status for path in files} == {200}


def test_forms_get_the_page_too(proxy_alone: Nginx) -> None:
    response = proxy_alone.fetch("/cart/update/", "POST", b"a=1")
    assert (response.status, "look at your order first" in response.text) == (503, True)


@pytest.fixture(scope="module")
def site(shop: ShippedShop) -> Iterator[Nginx]:
    shop.manage("migrate", "-v", "0")
    for nginx in start(shop, [f"127.0.0.1:{shop.port}"]):
        with shop.running():
            yield nginx


def test_pages_cookies_and_forms_work(site: Nginx) -> None:
    page = site.fetch("/accounts/login/")
    assert (page.status, page.header("Strict-Transport-Security")) == (200, "max-age=3600")
    assert f"__Host-csrftoken_{site.https}=" in page.header("Set-Cookie")
    origin = f"https://localhost:{site.https}"
    response = site.fetch("/language/", "POST", b"language=de&next=/cart/", Origin=origin, Content_Type=FORM)
    assert (response.status, response.location) == (302, "/cart/")


def test_files_have_the_headers_of_the_shop(site: Nginx, shop: ShippedShop) -> None:
    """Compare what nginx sends from disk with what the shop sends for the same file."""
    image = BytesIO()
    Image.new("RGB", (9, 9)).save(image, "WEBP")
    folder = shop.folder / "media" / "products"
    folder.mkdir(parents=True)
    (folder / "mug.webp").write_bytes(image.getvalue())
    stylesheet = next(Path(shop.folder / "static" / "css").glob("shop.*.css")).name
    for path in [f"/static/css/{stylesheet}", "/static/css/shop.css", "/media/products/mug.webp"]:
        by_nginx, by_shop = site.fetch(path), shop.fetch(path, Host="localhost", X_Forwarded_Proto="https")
        assert (by_nginx.header("Server"), by_nginx.body) == ("nginx", by_shop.body)
        assert headers_of(by_nginx) == headers_of(by_shop), path
        assert by_nginx.header("X-Request-ID") == ""  # not that of the request in which the headers were read


def test_missing_files_get_the_page_of_the_shop(site: Nginx) -> None:
    for path in ["/static/nothing.css", "/static/a.0123456789ab.css", "/media/nothing.webp", "/media/"]:
        response = site.fetch(path)
        assert (response.status, response.header("X-Frame-Options")) == (404, "DENY"), path


def test_stylesheet_is_sent_compressed(site: Nginx) -> None:
    assert site.fetch("/static/css/shop.css", Accept_Encoding="gzip").header("Content-Encoding") == "gzip"


def headers_of(response: "object") -> dict[str, object]:
    """Return the headers that do not depend on the server, with the parts of lists in one order."""
    headers = {name.lower(): value for name, value in response.headers}  # type: ignore[attr-defined]
    return {name: set(re.split(r"[,;] ", value)) for name, value in headers.items() if name not in OF_SERVER}
