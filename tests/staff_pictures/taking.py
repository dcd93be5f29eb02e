"""Run the shop with sample data, open the page of each task in a browser and store its picture."""

import os
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from PIL import Image, ImageChops, ImageOps
from playwright.sync_api import Error, Locator, Page

from tests.makers import PASSWORD
from tests.staff_pictures.sample import STAFF, Sample, fixed_times_and_numbers, make_sample
from tests.staff_pictures.tasks import PICTURES, file_of

WIDTH, HEIGHT = 1280, 3000  # so high that no page scrolls
MAX_HEIGHT = 1000  # of a picture
MARGIN = 12
BORDER = "#ccc"
MAX_BYTES = 40_000
MAX_DIFFERENCE = 2  # of 255, for each color of a pixel
QUALITIES = (90, 80, 70, 60, 50, 40)


@pytest.fixture
def staff(chromium: Any, shop: str) -> Iterator[Page]:
    """Return a browser page in English and in light mode."""
    context = chromium.new_context(
        base_url=shop, viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB", color_scheme="light"
    )
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.mark.django_db(transaction=True)
def test_take_pictures(staff: Page, settings: Any, tmp_path: Path) -> None:
    """Take the pictures of the headings in ONLY, or all. A page that fails names its heading."""
    settings.STRIPE_SIMULATOR_STATE = str(tmp_path / "state.sqlite3")
    only = os.environ.get("ONLY", "").splitlines()
    with fixed_times_and_numbers():
        sample = make_sample()
        log_in(staff)
        failed = {heading: error for heading in only or PICTURES if (error := take(heading, staff, sample))}
    assert failed == {}


def log_in(page: Page) -> None:
    """Log in as the member of staff."""
    page.goto("/admin/login/")
    page.get_by_label("Email").fill(STAFF)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()


def take(heading: str, page: Page, sample: Sample) -> str:
    """Open the page of this task and store its picture. Return why it failed, or an empty string."""
    try:
        parts = PICTURES[heading](page, sample)
    except Error as error:
        return error.message
    page.mouse.move(0, 0)
    png = page.screenshot(clip=box_of(parts), animations="disabled")
    picture = ImageOps.expand(Image.open(BytesIO(png)).convert("RGB"), 1, BORDER)
    path = Path(django_settings.BASE_DIR, file_of(heading))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not (path.exists() and looks_like(picture, path)):
        path.write_bytes(compress(picture))
    sys.stdout.write(f"{path.stat().st_size:6} {path.name}\n")
    return ""


def box_of(parts: list[Locator]) -> Any:
    """Return the box around the visible parts in the page, with a margin."""
    boxes = [part.bounding_box() for part in parts]
    assert all(boxes), "a part of the picture is not visible"
    found = [box for box in boxes if box]
    left = max(0, min(box["x"] for box in found) - MARGIN)
    top = max(0, min(box["y"] for box in found) - MARGIN)
    right = min(WIDTH, max(box["x"] + box["width"] for box in found) + MARGIN)
    bottom = max(box["y"] + box["height"] for box in found) + MARGIN
    return {"x": left, "y": top, "width": right - left, "height": min(bottom - top, MAX_HEIGHT)}


def looks_like(picture: Image.Image, path: Path) -> bool:
    """Check whether the stored picture looks the same. Chromium draws some edges a little differently each time."""
    with Image.open(path) as stored:
        if stored.size != picture.size:
            return False
        difference = ImageChops.difference(stored.convert("RGB"), picture)
    return max(most for _least, most in difference.getextrema()) <= MAX_DIFFERENCE


def compress(picture: Image.Image) -> bytes:
    """Return the picture as WebP, in the best quality that is small enough."""
    for options in ({"lossless": True}, *({"quality": quality} for quality in QUALITIES)):
        content = BytesIO()
        picture.save(content, "WEBP", method=6, **options)  # type: ignore[arg-type]
        if content.tell() <= MAX_BYTES:
            break
    return content.getvalue()
