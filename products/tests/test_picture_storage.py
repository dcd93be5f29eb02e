"""Tests of the storage of pictures: completely or not at all, whatever fails, and with a message at the field."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from products.images import renditions
from products.images.storing import PictureNotStoredError
from products.images.stray_files import delete_stray_files
from products.models import HomeSection, Picture, Product, StockMovement
from products.tests.test_renditions import add_view, product_with_image, stored_files
from products.tests.test_uploads import make_image
from products.tests.test_uploads import product as product
from tests.makers import make_product

pytestmark = pytest.mark.django_db
AGAIN, NOT_STORED = "Choose the picture again", "could not be stored, so nothing was saved"


def picture(size: tuple[int, int] = (500, 200), name: str = "mug.png") -> ContentFile:
    return ContentFile(make_image(size=size), name)


def form_data(product: Product, **changes: Any) -> dict[str, Any]:
    """Return the data of the product form with a main picture and two additional pictures."""
    data = {"sku": product.sku, "title": product.title, "price": "1.00", "weight": "0", "active": "on"}
    data |= {"pictures-TOTAL_FORMS": "2", "pictures-INITIAL_FORMS": "0"}
    data |= {f"pictures-{number}-position": str(number) for number in range(2)}
    files = {f"pictures-{number}-image": picture((300 + number, 100)) for number in range(2)}
    return data | files | {"image": picture()} | changes


def post(client: Client, product: Product, **changes: Any) -> Any:
    url = reverse("admin:products_product_change", args=[product.pk])
    return client.post(url, form_data(product, **changes))


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> Iterator[None]:
    """Let the disk be full after so many files. The next file is stored in part, as a file system does it."""
    save, stored = FileSystemStorage._save, []

    def save_until_full(storage: FileSystemStorage, name: str, content: Any) -> str:
        if len(stored) >= after:
            save(storage, name, ContentFile(b"a part"))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        stored.append(name)
        return save(storage, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "_save", save_until_full)
        yield


@pytest.mark.parametrize(
    "after", [pytest.param(after, marks=[pytest.mark.slow] if after != 5 else []) for after in range(9)]
)
def test_full_disk_leaves_no_file_and_a_message_at_the_field(
    client: Client, product: Product, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    with full_disk(monkeypatch, after):
        response = post(client, product, title="New title")
    assert response.status_code == 200
    assert (response.text.count(NOT_STORED), response.text.count(AGAIN)) == (1, 2)
    assert stored_files() == []
    assert (Product.objects.get().title, Picture.objects.count()) == ("Teal mug", 0)
    assert post(client, product).status_code == 302


@pytest.mark.slow
def test_failed_rendition_leaves_no_file_and_a_message_at_the_field(
    client: Client, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_webp = renditions._as_webp

    def fail_when_small(image: Any) -> ContentFile:
        if image.width == 160:
            raise ValueError("encoding error 5")
        return as_webp(image)

    monkeypatch.setattr(renditions, "_as_webp", fail_when_small)
    response = post(client, product)
    assert (response.status_code, response.text.count(NOT_STORED), stored_files()) == (200, 1, [])


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_failed_rendition_of_an_image_saved_directly_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    product = make_product()

    def fail(image: Any) -> ContentFile:
        raise ValueError

    monkeypatch.setattr(renditions, "_as_webp", fail)
    with pytest.raises(PictureNotStoredError):
        product.image.save("mug.png", picture())
    assert (stored_files(), Product.objects.get().image.name) == ([], "")


@pytest.mark.slow
@pytest.mark.parametrize("failing", ["save_model", "save_related", "log_change"])
def test_database_error_leaves_no_file(
    client: Client, product: Product, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    from products.admin import ProductAdmin

    method = getattr(ProductAdmin, failing)

    def fail_afterwards(*args: Any, **kwargs: Any) -> None:
        method(*args, **kwargs)
        raise DatabaseError("disk I/O error")

    monkeypatch.setattr(ProductAdmin, failing, fail_afterwards)
    with suppress(DatabaseError):
        post(client, product)
    assert stored_files() == []
    assert not Product.objects.get().image


def test_rollback_deletes_the_files_of_new_rows_and_keeps_the_others() -> None:
    kept = product_with_image()
    before = set(stored_files())
    with suppress(DatabaseError), transaction.atomic():
        add_view(kept)
        kept.image = picture()
        kept.save()
        assert before < set(stored_files())
        raise DatabaseError
    assert set(stored_files()) == before
    assert Product.objects.get().image.name in {f"products/{name}" for name in before}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_files_are_kept_if_another_commit_hook_fails() -> None:
    def fail() -> None:
        raise RuntimeError

    with suppress(RuntimeError), transaction.atomic():
        transaction.on_commit(fail)
        product_with_image()
    assert len(stored_files()) == 4
    assert default_storage.exists(Product.objects.get().image.name)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_failed_save_without_a_transaction_leaves_no_file_and_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    product = Product(sku="A", title="Mug", price=1, stock=5, image=picture())

    def fail(**kwargs: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(StockMovement.objects, "create", fail)
        with pytest.raises(DatabaseError):
            product.save()
    assert (stored_files(), Product.objects.count()) == ([], 0)
    again = Product(sku="A", title="Mug", price=1, stock=5, image=product.image)
    again.save()
    assert default_storage.exists(Product.objects.get().image.name)


@pytest.mark.slow
def test_unreadable_image_is_not_stored_by_code_either() -> None:
    with pytest.raises(PictureNotStoredError):
        make_product(image=ContentFile(b"no image", "mug.png"))
    assert stored_files() == []


@pytest.mark.slow
def test_very_tall_image_stored_by_code_has_renditions_that_fit() -> None:
    tall = ContentFile(make_image("JPEG", (80, 17_000)), "tall.jpg")
    product = Product.objects.get(pk=make_product(image=tall).pk)
    assert product.image.widths == [77]
    assert product.image.srcset.endswith("-77.webp 77w")
    assert len(stored_files()) == 2


@pytest.mark.django_db(transaction=True)
def test_saving_an_outdated_product_does_not_restore_the_name_of_a_deleted_image() -> None:
    product = product_with_image()
    outdated, outdated_view = Product.objects.get(pk=product.pk), Picture.objects.get(pk=add_view(product).pk)
    product.image = picture((300, 100))
    product.save()
    view = Picture.objects.get()
    view.image = picture((310, 100))
    view.save()
    outdated.title = outdated_view.image_alt = "New"
    outdated.save()
    outdated_view.save()
    for row in (Product.objects.get(), Picture.objects.get()):
        assert (default_storage.exists(row.image.name), row.alt) == (True, "New")
    assert [Product.objects.get().image_width, Picture.objects.get().image_width] == [300, 310]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_saving_a_picture_that_a_colleague_deleted_does_not_create_it_again() -> None:
    view = add_view(make_product())
    Picture.objects.get().delete()
    with pytest.raises(DatabaseError):
        view.save()
    assert (Picture.objects.count(), stored_files()) == (0, [])


@pytest.mark.slow
def test_two_uploads_of_one_file_have_files_of_their_own(client: Client, product: Product) -> None:
    files = {"pictures-0-image": picture(), "pictures-1-image": picture()}
    assert post(client, product, **files).status_code == 302
    names = {row.image.name for row in (Product.objects.get(), *Picture.objects.all())}
    assert (len(names), len(stored_files())) == (3, 12)


def test_stray_files_are_deleted_after_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    product = product_with_image()
    used = set(stored_files())
    for name in ("products/mug-0123.png", "products/mug-0123-160.webp", "products/half"):
        default_storage.save(name, ContentFile(b"left by a killed process"))
    Product.objects.filter(pk=product.pk).update(image_width=None)  # The widths of its renditions are then unknown.
    call_command("resize_pictures")
    assert len(stored_files()) == 7
    for name in stored_files():
        two_days_ago = os.path.getmtime(default_storage.path(f"products/{name}")) - 2 * 86_400
        os.utime(default_storage.path(f"products/{name}"), (two_days_ago, two_days_ago))
    call_command("resize_pictures")
    assert set(stored_files()) == used
    assert capsys.readouterr().out == "3 unused files deleted.\n"


@pytest.mark.slow
def test_stray_files_of_an_empty_folder_are_none() -> None:
    assert delete_stray_files(timedelta(0)) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("without_renditions")
def test_seed_that_fails_halfway_adds_the_product_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **fields: Any) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(Picture, "save", fail)
        with suppress(OSError):
            call_command("seed", verbosity=0)
    assert len(stored_files()) == Product.objects.count() < 40
    call_command("seed", verbosity=0)
    pictures = Picture.objects.count() + HomeSection.objects.exclude(image="").count()
    assert (Product.objects.count(), len(stored_files())) == (40, 40 + pictures)


@pytest.mark.slow
def test_resize_pictures_reports_a_broken_file_and_continues(capsys: pytest.CaptureFixture[str]) -> None:
    broken, kept = product_with_image(), product_with_image(size=(510, 200))
    for name in (broken.image.rendition_name(160), kept.image.rendition_name(160)):
        default_storage.delete(name)
    with open(default_storage.path(broken.image.name), "wb") as file:
        file.write(make_image(size=(500, 200))[:60])
    call_command("resize_pictures")
    assert broken.image.name in capsys.readouterr().err
    assert default_storage.exists(kept.image.rendition_name(160))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("wrong", [{"title": ""}, {"pictures-0-position": "-1"}], ids=str)
def test_form_with_another_error_asks_for_each_chosen_picture_again(
    client: Client, product: Product, wrong: dict[str, str]
) -> None:
    response = post(client, product, **wrong)
    assert (response.status_code, response.text.count(AGAIN), stored_files()) == (200, 3, [])
    assert "Please correct the errors below" in response.text


@pytest.mark.slow
def test_form_asks_only_for_pictures_that_were_chosen_and_have_no_other_error(client: Client, product: Product) -> None:
    response = post(client, product, image=ContentFile(b"no image", "mug.png"), **{"pictures-1-image": ""})
    assert (response.text.count(AGAIN), response.text.count("This picture cannot be read")) == (1, 1)


@pytest.mark.slow
def test_form_with_an_error_still_shows_the_stored_picture(client: Client, product: Product) -> None:
    post(client, product)
    name = Product.objects.get().image.name
    assert f'href="/media/{name}"' in post(client, product, title="").text


@pytest.mark.slow
def test_new_product_starts_off_sale_in_the_admin(client: Client, product: Product) -> None:
    page = client.get(reverse("admin:products_product_add"))
    field = page.context["adminform"].form["active"]
    assert (field.value(), "starts off sale" in field.help_text) == (False, True)
    page = client.get(reverse("admin:products_product_change", args=[product.pk]))
    field = page.context["adminform"].form["active"]
    assert (field.value(), "starts off sale" in field.help_text) == (True, False)
