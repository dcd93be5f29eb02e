"""A browser test of the second factor without JavaScript, on a phone and on a wide screen."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import expect

from accounts.models import SecondFactor
from tests.makers import PASSWORD, make_user

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PAGE = "/admin/accounts/user/second-factor/"


@pytest.fixture(params=[390, 1280])
def browser_page(request: pytest.FixtureRequest, chromium: Any, live_server: Any) -> Iterator[Any]:
    """Return a page of a browser without JavaScript."""
    size = {"width": request.param, "height": 900}
    context = chromium.new_context(base_url=live_server.url, viewport=size, java_script_enabled=False)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def code(steps: int = 0) -> str:
    """Return the code that the app shows, or will show in `steps` times 30 seconds."""
    app = TOTP(bytes.fromhex(SecondFactor.objects.get().key), drift=steps)
    return f"{app.token():06d}"


def log_in(page: Any) -> None:
    page.goto("/admin/login/")
    page.get_by_label("Email").fill("sam@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def fits(page: Any) -> bool:
    """Check that the page does not scroll sideways. Chromium evaluates this even if the page may run no scripts."""
    page.wait_for_load_state()
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_staff_set_up_and_use_a_second_factor_without_javascript(browser_page: Any) -> None:
    make_user("sam@example.org", is_staff=True)
    page = browser_page
    log_in(page)
    page.get_by_role("link", name="Second factor").click()
    page.get_by_role("button", name="Set up").click()
    expect(page.locator(".qr-code svg")).to_be_visible()
    assert fits(page)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label("Code").fill(code())
    page.get_by_role("button", name="Turn on").click()
    shown = page.locator(".recovery-codes code")
    expect(shown).to_have_text([re.compile(r"^(\w{4}-){3}\w{4}$")] * 10)
    assert fits(page)
    codes = shown.all_inner_texts()
    page.get_by_role("link", name="I have saved them").click()
    page.get_by_role("button", name="Log out").click()
    log_in(page)
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()
    page.goto(PAGE)
    expect(page.get_by_text("You have 9 recovery codes left.")).to_be_visible()
    assert fits(page)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label("Code").fill(codes[1])
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_text("The second factor is off.")).to_be_visible()
    assert not SecondFactor.objects.exists()
