"""Tests for the limits of request bodies: forms, uploads, webhooks, and bodies of unknown length."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client
from django.urls import reverse

from core.requests.body_limits import FORM_BYTES, UPLOAD_BYTES, UPLOAD_PATHS, WEBHOOK_BYTES, WEBHOOK_PATH
from products.images.uploads import MAX_BYTES
from products.models import Product
from tests.makers import make_user

pytestmark = [pytest.mark.sampled(3), pytest.mark.django_db]
UPDATE, ADD = "/cart/update/", "/admin/products/product/add/"
SAME = {"Sec-Fetch-Site": "same-origin"}
FORM = "application/x-www-form-urlencoded"


class Unread:
    """A body that fails the test if the shop reads it."""

    def read(self, *args: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def post_unread(client: Client, path: str, length: int, **extra: Any) -> Any:
    """Send a request that declares a body of this length."""
    sent = {"CONTENT_LENGTH": str(length), "CONTENT_TYPE": FORM, "wsgi.input": Unread(), **extra}
    return client.generic("POST", path, headers=SAME, **sent)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("path", ["/", UPDATE, "/accounts/login/", "/admin/login/", "/nothing/", ADD])
@pytest.mark.parametrize("length", [FORM_BYTES + 1, 150_000_000])
def test_body_that_is_too_long_gets_a_page_before_it_is_read(client: Client, path: str, length: int) -> None:
    response = post_unread(client, path, length)
    assert response.status_code == 413
    assert "Your browser sent more than this page takes, which is 100.0\xa0KB. Nothing was changed." in response.text
    assert "Go to the shop" in response.text
    assert response.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=x", "text/plain", ""])
def test_limit_does_not_depend_on_the_content_type(client: Client, kind: str) -> None:
    assert post_unread(client, UPDATE, FORM_BYTES + 1, CONTENT_TYPE=kind).status_code == 413


def test_form_within_the_limit_is_read(client: Client) -> None:
    body = b"product_id=1&note=" + b"x" * (FORM_BYTES - 18)
    assert client.post(UPDATE, body, content_type=FORM, headers=SAME).status_code == 302


def test_file_in_a_form_counts(client: Client) -> None:
    file = SimpleUploadedFile("mug.png", b"x" * FORM_BYTES, "image/png")
    assert client.post(UPDATE, {"product_id": 1, "file": file}, headers=SAME).status_code == 413


@pytest.mark.parametrize(("length", "status"), [(WEBHOOK_BYTES + 1, 413), (WEBHOOK_BYTES, 400)])
def test_webhook_has_a_limit_of_its_own(client: Client, length: int, status: int) -> None:
    response = client.post(WEBHOOK_PATH, b"x" * length, content_type="application/json")
    assert (response.status_code, reverse("billing:webhook")) == (status, WEBHOOK_PATH)


def test_staff_upload_pictures_and_strangers_do_not(client: Client) -> None:
    assert post_unread(client, ADD, FORM_BYTES + 1).status_code == 413
    client.force_login(make_user())
    assert post_unread(client, ADD, FORM_BYTES + 1).status_code == 413


def test_staff_send_twelve_megabytes_to_pages_with_pictures_only(staff: Client) -> None:
    def send(path: str, size: int) -> int:
        file = SimpleUploadedFile("mug.png", b"x" * size, "image/png")
        return staff.post(path, {"title": "Mug", "image": file}).status_code

    assert send(ADD, UPLOAD_BYTES - 1000) == 200
    response = post_unread(staff, ADD, UPLOAD_BYTES + 1)
    assert (response.status_code, "which is 12.0\xa0MB" in response.text) == (413, True)
    assert send(reverse("admin:products_category_add"), FORM_BYTES) == 413
    assert not Product.objects.exists()


def test_every_admin_page_with_files_and_no_other_takes_uploads() -> None:
    with_files = {
        model for model in apps.get_models() if any(isinstance(field, models.FileField) for field in model._meta.fields)
    }
    pages = {
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model, page in admin.site._registry.items()
        if {model, *(inline.model for inline in page.inlines)} & with_files
    }
    assert pages == set(UPLOAD_PATHS)
    assert MAX_BYTES + FORM_BYTES < UPLOAD_BYTES


# A body whose length is not declared


def post_chunked(client: Client, body: bytes | Any) -> Any:
    """Send a request as gunicorn passes on a chunked one."""
    stream = BytesIO(body) if isinstance(body, bytes) else body
    sent = {"CONTENT_LENGTH": "", "CONTENT_TYPE": FORM, "wsgi.input": stream, "wsgi.input_terminated": True}
    return client.generic("POST", UPDATE, headers=SAME, **sent)


def test_chunked_form_is_read_up_to_the_limit(client: Client) -> None:
    response = post_chunked(client, b"product_id=x")
    assert (response.status_code, response.url) == (302, "/cart/")
    assert "Choose a product." in client.get("/cart/").text
    body = BytesIO(b"x" * 150_000_000)
    assert post_chunked(client, body).status_code == 413
    assert body.tell() == FORM_BYTES + 1


def test_chunks_that_cannot_be_read_are_a_bad_request(client: Client) -> None:
    class Broken(BytesIO):
        def read(self, *args: Any) -> bytes:
            raise OSError("invalid chunk")

    assert post_chunked(client, Broken()).status_code == 400


# On a server


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run the shop on gunicorn, without tables, and return its port."""
    folder = tmp_path_factory.mktemp("shop")
    with socket.create_server(("127.0.0.1", 0)) as server_socket:
        number = server_socket.getsockname()[1]
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ecommerce.settings", "DEBUG": "on", "SITE_URL": f"http://127.0.0.1:{number}",
            "VAR_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder}/shop.sqlite3", "TMPDIR": str(folder),
        }  # fmt: skip
        command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "4", "--no-control-socket"]
        command += ["--bind", f"fd://{server_socket.fileno()}", "--log-level", "critical", "ecommerce.wsgi"]
        with subprocess.Popen(
            command, env=environment, cwd=settings.BASE_DIR, pass_fds=[server_socket.fileno()]
        ) as server:
            try:
                yield number
            finally:
                server.terminate()


def exchange(port: int, head: list[str], parts: Iterator[bytes]) -> tuple[bytes, int]:
    """Send a request, and its body until the server answers. Return the response and the length of what was sent."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), 30) as client_socket:
        client_socket.sendall("\r\n".join([*head, "Host: 127.0.0.1", "Connection: close", "", ""]).encode())
        with suppress(OSError):  # the server has answered and reads no more
            for part in parts:
                client_socket.sendall(part)
                sent += len(part)
        response = b""
        with suppress(ConnectionResetError):
            while part := client_socket.recv(65536):
                response += part
    return response, sent


LONG = 150_000_000
PART = b"x" * 50_000
DECLARED = [f"POST {UPDATE} HTTP/1.1", f"Content-Type: {FORM}", f"Content-Length: {LONG}"]
MULTIPART = [f"POST {ADD} HTTP/1.1", "Content-Type: multipart/form-data; boundary=x", f"Content-Length: {LONG}"]
CHUNKED = [f"POST {UPDATE} HTTP/1.1", f"Content-Type: {FORM}", "Transfer-Encoding: chunked"]
CHUNK = b"%x\r\n%s\r\n" % (len(PART), PART)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "part"), [(DECLARED, PART), (MULTIPART, PART), (CHUNKED, CHUNK)], ids=["declared", "multipart", "chunked"]
)
def test_gunicorn_sends_the_page_while_the_client_is_still_sending(port: int, head: list[str], part: bytes) -> None:
    started = time.monotonic()
    response, sent = exchange(port, head, (part for _number in range(LONG // len(PART))))
    assert response.startswith(b"HTTP/1.1 413 ")
    assert b"Go to the shop" in response
    assert response.endswith(b"</html>\n")
    assert sent < 20_000_000
    assert time.monotonic() - started < 20


@pytest.mark.slow
def test_gunicorn_sends_the_page_to_a_client_that_waits(port: int) -> None:
    response, sent = exchange(port, DECLARED, iter(()))
    assert (response[:12], sent) == (b"HTTP/1.1 413", 0)
