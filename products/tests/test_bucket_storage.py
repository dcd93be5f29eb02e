"""Tests for pictures in storages without local files: one in memory, and one that speaks S3."""

from typing import Any

import pytest
from django.conf import settings as shop
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage, default_storage
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from ecommerce.object_storage import Bucket
from ecommerce.operations import media_checks
from products.models import Picture, Product
from products.tests.test_renditions import add_view, product_with_image, stored_files
from products.tests.test_uploads import make_image
from products.tests.test_uploads import product as product
from tests.makers import EMPTY_PICTURE_FORMSET
from tests.test_settings import READ, start

pytestmark = pytest.mark.slow

NOTHING = {"name": "", "region": "", "endpoint": "", "public_url": "", "other_backend": ""}
BUCKET = NOTHING | {"name": "mugs", "region": "eu-central-1"}


class RemoteStorage(Storage):
    """A storage without local files: its method `path` raises NotImplementedError."""

    def __init__(self) -> None:
        files = InMemoryStorage()
        self._open, self._save, self.delete = files._open, files._save, files.delete
        self.exists, self.listdir, self.url = files.exists, files.listdir, files.url
        self.get_modified_time = files.get_modified_time


@pytest.fixture
def memory(settings: Any) -> None:
    """Store uploads in a storage that has neither paths nor lasting URLs."""
    backend = f"{RemoteStorage.__module__}.{RemoteStorage.__name__}"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend}}
    with pytest.raises(NotImplementedError):
        default_storage.path("mug.png")


def upload(client: Client, product: Product, size: tuple[int, int]) -> list[str]:
    """Replace the picture of the product in the admin. Return the names of all files."""
    data = {"sku": product.sku, "title": product.title, "price": "1.00", "weight": "0", "active": "on"}
    data |= EMPTY_PICTURE_FORMSET | {"image": ContentFile(make_image(size=size), "mug.png")}
    assert client.post(reverse("admin:products_product_change", args=[product.pk]), data).status_code == 302
    return sorted(stored_files())


@pytest.mark.django_db(transaction=True)
def test_picture_without_a_local_file_is_stored_replaced_and_deleted(
    memory: None, client: Client, product: Product
) -> None:
    first = upload(client, product, (500, 200))
    image = Product.objects.get().image
    assert isinstance(image.storage._wrapped, RemoteStorage)
    assert set(first) == {image.name.split("/")[1], *[image.rendition_name(w).split("/")[1] for w in (160, 400, 500)]}
    page = client.get(product.get_absolute_url()).text
    assert all(image.storage.url(image.rendition_name(width)) in page for width in (160, 400, 500))
    second = upload(client, product, (300, 200))
    assert len(second) == 3
    assert not set(first) & set(second)
    default_storage.delete(Product.objects.get().image.rendition_name(160))
    call_command("resize_pictures")
    assert sorted(stored_files()) == second
    Product.objects.get().delete()
    assert stored_files() == []


@pytest.mark.django_db(transaction=True)
def test_shared_and_rolled_back_pictures_without_local_files(memory: None) -> None:
    product = product_with_image()
    view = add_view(product)
    Picture.objects.create(product=product, image=view.image.name, image_width=200, image_height=200)
    files = sorted(stored_files())
    Picture.objects.first().delete()
    assert sorted(stored_files()) == files
    Picture.objects.get().delete()
    assert len(stored_files()) < len(files)


# Settings


def errors(patch: pytest.MonkeyPatch, environment: dict[str, str], **changes: Any) -> list[str]:
    """Return the ids of the errors of a bucket with these changes, on an https site with all packages."""
    for name in media_checks.KEYS:
        patch.delenv(name, raising=False)
    for name, value in environment.items():
        patch.setenv(name, value)
    patch.setattr(media_checks.settings, "MEDIA_BUCKET", Bucket(**BUCKET | changes))
    patch.setattr(media_checks.settings, "IS_TLS", True)
    patch.setattr(media_checks, "PACKAGES", changes.pop("packages", ("django",)))
    found = media_checks.check_bucket()
    assert all(error.hint for error in found)
    return [str(error.id) for error in found]


def test_complete_bucket_has_no_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    assert errors(monkeypatch, {}) == []
    assert errors(monkeypatch, dict.fromkeys(media_checks.KEYS, "x")) == []
    assert errors(monkeypatch, {}, **NOTHING) == []
    assert errors(monkeypatch, {}, **NOTHING | {"other_backend": "some.Storage"}) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": ""}, "shop.E021"),
        (NOTHING | {"endpoint": "https://s3.example"}, "shop.E021"),
        (NOTHING | {"public_url": "https://files.example"}, "shop.E021"),
        ({"region": ""}, "shop.E022"),
        ({"other_backend": "some.Storage"}, "shop.E023"),
        ({"endpoint": "http://s3.example"}, "shop.E025"),
    ],
)
def test_incomplete_bucket_has_an_error(monkeypatch: pytest.MonkeyPatch, changes: Any, expected: str) -> None:
    assert errors(monkeypatch, {}, **changes) == [expected]


@pytest.mark.parametrize("name", media_checks.KEYS)
def test_missing_key_is_an_error(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert errors(monkeypatch, {name: "x"}) == ["shop.E024"]


def test_missing_packages_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    errors(monkeypatch, {})
    monkeypatch.setattr(media_checks, "PACKAGES", ("no_such_package",))
    assert [error.id for error in media_checks.check_bucket()] == ["shop.E026"]


@pytest.mark.parametrize(
    ("changes", "url", "origins"),
    [
        (NOTHING, "media/", []),
        ({}, "https://mugs.s3.eu-central-1.amazonaws.com/", ["https://mugs.s3.eu-central-1.amazonaws.com"]),
        ({"endpoint": "https://s3.example:9000"}, "https://s3.example:9000/mugs/", ["https://s3.example:9000"]),
        ({"public_url": "https://files.example"}, "https://files.example/", ["https://files.example"]),
    ],
)
def test_urls_of_a_bucket_and_their_origin(changes: Any, url: str, origins: list[str]) -> None:
    bucket = Bucket(**BUCKET | changes)
    assert (bucket.url, bucket.origins) == (url, origins)


@pytest.mark.slow
def test_policy_allows_pictures_of_the_bucket() -> None:
    # The file system storage stands in, because the packages for S3 are not installed everywhere.
    script = (
        "from ecommerce import object_storage as o; o.BACKEND = o.FILES\n"
        "from ecommerce.operations import media_checks; media_checks.PACKAGES = ()\n"
    )
    values = "(s.MEDIA_URL, s.CONTENT_SECURITY_POLICY['DIRECTIVES']['img-src'])"
    code, output = start(script + READ.format(values), MEDIA_BUCKET="mugs", MEDIA_PUBLIC_URL="https://files.example")
    assert (code, output) == (0, "('https://files.example/', [\"'self'\", 'data:', 'https://files.example'])\n")
    assert shop.CONTENT_SECURITY_POLICY["DIRECTIVES"]["img-src"] == ["'self'", "data:"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"), [("MEDIA_BUCKET", "my.bucket"), ("MEDIA_REGION", "EU west"), ("MEDIA_ENDPOINT", "s3.example")]
)
def test_start_with_an_invalid_bucket_names_the_variable(name: str, value: str) -> None:
    code, output = start(**{name: value})
    assert code != 0
    assert f"{name} must be the " in output.splitlines()[-1]


@pytest.mark.slow
def test_start_with_half_a_bucket_fails() -> None:
    code, output = start(MEDIA_ENDPOINT="https://s3.example")
    assert code != 0
    assert "MEDIA_BUCKET is not set, but settings of a bucket are." in output.splitlines()[-1]


def test_urls_of_a_bucket_are_computed_once_and_never_signed(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    storage_class = pytest.importorskip("products.images.bucket_storage").BucketStorage
    storage = storage_class(**Bucket(**BUCKET).storage["OPTIONS"])
    assert storage.url("products/a mug.webp") == "https://mugs.s3.eu-central-1.amazonaws.com/products/a%20mug.webp"
    monkeypatch.setattr(Product._meta.get_field("image"), "storage", storage)
    image = Product(image="products/a mug.webp", image_width=2000, image_height=2000).image
    monkeypatch.setattr(storage_class, "url", None)
    assert image.medium_url == "https://mugs.s3.eu-central-1.amazonaws.com/products/a%20mug-640.webp"
