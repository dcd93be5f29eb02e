"""Tests for the notices of the legal guarantee: uploads, the choice of the language and the files."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from core.guarantee.current import current_notices, notice_for
from core.guarantee.models import GuaranteeNotice
from core.guarantee.sample import TEXTS, add_sample_notices
from core.guarantee.uploads import MAX_BYTES
from tests.admin_forms import field_errors, open_form
from tests.moved_versions import moved_versions

pytestmark = pytest.mark.django_db
ADD = "/admin/core/guaranteenotice/add/"


def picture(kind: str = "PNG", size: tuple[int, int] = (600, 800), extra: bytes = b"") -> bytes:
    content = BytesIO()
    Image.new("RGB", size, "#10308c").save(content, kind)
    return content.getvalue() + extra


def make_notice(language: str, text: str = "You have a guarantee.") -> GuaranteeNotice:
    return GuaranteeNotice.objects.create(
        language=language, picture=f"notices/{language}.png", picture_width=600, picture_height=800, text=text
    )


def upload(client: Client, content: bytes, name: str = "notice.png", text: str = "Two years.") -> Any:
    data = {"language": "de", "text": text, "picture": SimpleUploadedFile(name, content)}
    return client.post(ADD, data)


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")])
def test_uploaded_picture_is_stored_unchanged(admin_client: Client, kind: str, suffix: str) -> None:
    content = picture(kind, extra=b"kept")
    assert upload(admin_client, content, name="official.exe").status_code == 302
    notice = GuaranteeNotice.objects.get()
    assert str(notice.picture.name).endswith(f".{suffix}")
    assert Path(notice.picture.path).read_bytes() == content
    assert (notice.picture_width, notice.picture_height) == (600, 800)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read"),
        (picture()[:200], "cannot be read"),
        (picture("GIF"), "cannot be read"),
        (picture(size=(299, 800)), "299 × 800 pixels"),
        (picture(size=(600, 5001)), "600 × 5001 pixels"),
        (picture(extra=bytes(MAX_BYTES)), "The maximum is 3 MB"),
    ],
)
def test_file_that_is_no_picture_or_has_a_wrong_size_is_rejected(
    admin_client: Client, content: bytes, message: str
) -> None:
    assert message in field_errors(upload(admin_client, content), "picture")
    assert not GuaranteeNotice.objects.exists()


def test_notice_needs_a_picture_and_a_text(admin_client: Client) -> None:
    page = admin_client.post(ADD, {"language": "de", "text": " "})
    assert field_errors(page, "picture")
    assert field_errors(page, "text")


def test_language_has_one_notice_and_must_be_one_of_the_shop(admin_client: Client) -> None:
    make_notice("de")
    assert field_errors(upload(admin_client, picture()), "language")
    page = admin_client.post(ADD, {"language": "xx", "text": "x", "picture": SimpleUploadedFile("a.png", picture())})
    assert field_errors(page, "language")


def test_text_is_changed_without_a_new_upload_and_moves_the_version(admin_client: Client) -> None:
    notice = make_notice("de")
    before = notice.fact
    form = open_form(admin_client, f"/admin/core/guaranteenotice/{notice.pk}/change/")
    with moved_versions() as moved:
        assert form.submit(text="Three years.").status_code == 302
    notice.refresh_from_db()
    assert (notice.text, notice.picture.name) == ("Three years.", "notices/de.png")
    assert notice.fact != before
    assert moved


def test_replaced_picture_has_another_name_and_the_earlier_file_stays(admin_client: Client) -> None:
    upload(admin_client, picture())
    notice = GuaranteeNotice.objects.get()
    earlier = Path(notice.picture.path)
    form = open_form(admin_client, f"/admin/core/guaranteenotice/{notice.pk}/change/")
    form.submit(picture=SimpleUploadedFile("new.png", picture(size=(500, 500))))
    now = GuaranteeNotice.objects.get()
    assert (now.picture_width, now.picture.name != notice.picture.name, earlier.exists()) == (500, True, True)


def test_notice_falls_back_to_the_language_of_the_shop_then_to_any_other(settings: Any) -> None:
    assert notice_for("de") is None
    other = make_notice("fr")
    assert notice_for("de") == other
    own = make_notice(settings.LANGUAGE_CODE)
    assert notice_for("de") == own
    german = make_notice("de")
    assert notice_for("de") == german


def test_change_is_seen_by_the_next_request(admin_client: Client) -> None:
    make_notice("de", "Old words.")
    assert current_notices()["de"].text == "Old words."
    GuaranteeNotice.objects.update(text="New words.")
    assert current_notices()["de"].text == "New words."


def test_sample_notices_are_added_once_in_each_language_and_say_that_they_are_samples() -> None:
    own = make_notice("de")
    add_sample_notices()
    add_sample_notices()
    assert {notice.language for notice in GuaranteeNotice.objects.all()} == {*TEXTS}
    own.refresh_from_db()
    assert own.text == "You have a guarantee."
    sample = GuaranteeNotice.objects.exclude(pk=own.pk).get()
    assert sample.text.startswith("SAMPLE")
    with Image.open(sample.picture.path) as image:
        assert image.size == (sample.picture_width, sample.picture_height)
