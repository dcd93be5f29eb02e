"""How to show each task of docs/staff.md: the page to open, what to fill in, and which parts are in the picture."""

from collections.abc import Callable

from django.urls import reverse
from django.utils.text import slugify
from playwright.sync_api import Locator, Page

from orders.models import Order
from products.models import HomeSection
from tests.staff_pictures.sample import Sample

FOLDER = "docs/pictures/staff"
ORDERS = "/admin/orders/order/"
Show = Callable[[Page, Sample], list[Locator]]
PICTURES: dict[str, Show] = {}  # by heading, in the order of the document


def file_of(heading: str) -> str:
    """Return the path of the picture of this section, relative to the repository."""
    return f"{FOLDER}/{slugify(heading)}.webp"


def shows(heading: str) -> Callable[[Show], Show]:
    """Register how to show the task with this heading."""

    def register(show: Show) -> Show:
        PICTURES[heading] = show
        return show

    return register


def content(page: Page) -> list[Locator]:
    """Return the content of the page, without the header and the menu."""
    return page.locator("#content > :visible").all()


def below_title(page: Page, *selectors: str) -> list[Locator]:
    """Return the title of the page and these parts of it."""
    return [page.locator("#content > h1"), *(page.locator(selector).first for selector in selectors)]


def open_step(page: Page, order: Order, step: str) -> None:
    page.goto(reverse(f"admin:orders_order_{step}", args=[order.pk]))


def choose_action(page: Page, orders: list[Order], label: str) -> None:
    """Run an action of the list of orders for these orders."""
    page.goto(ORDERS)
    for order in orders:
        page.locator(f"input[name=_selected_action][value='{order.pk}']").check()
    page.locator("select[name=action]").select_option(label=label)
    page.get_by_role("button", name="Go", exact=True).click()


@shows("Log in with a code")
def second_factor(page: Page, sample: Sample) -> list[Locator]:
    page.goto(reverse("admin:accounts_user_second_factor"))
    page.get_by_role("button", name="Set up").click()
    page.get_by_role("button", name="Turn on").wait_for()
    return content(page)


@shows("Give a colleague a role")
def role(page: Page, sample: Sample) -> list[Locator]:
    page.goto(reverse("admin:accounts_user_change", args=[sample.colleague.pk]))
    page.locator("#id_groups_from").select_option(label="Packer")
    page.locator("#id_groups_add").click()
    return [page.get_by_role("heading", name="Permissions"), page.locator(".field-groups .help").last]


@shows("See what is to be done today")
def today(page: Page, sample: Sample) -> list[Locator]:
    page.goto("/admin/")
    return [page.locator(".todays-work")]


@shows("See the sales")
def sales(page: Page, sample: Sample) -> list[Locator]:
    page.goto("/admin/")
    return [page.locator(".recent-sales")]


@shows("Find an order")
def search(page: Page, sample: Sample) -> list[Locator]:
    page.goto(f"{ORDERS}?q=leeds+lamp")
    return below_title(page, "#toolbar", "#result_list", ".paginator")


@shows("Read the page of an order")
def order_page(page: Page, sample: Sample) -> list[Locator]:
    page.goto(f"{ORDERS}{sample.paid.pk}/change/")
    return below_title(page, ".order-top")


@shows("Confirm an action")
def confirm(page: Page, sample: Sample) -> list[Locator]:
    choose_action(page, [sample.alert, sample.paid], "Mark as acknowledged")
    return content(page)


@shows("Ship an order")
def ship(page: Page, sample: Sample) -> list[Locator]:
    open_step(page, sample.paid, "ship")
    page.get_by_label("Tracking number").fill("RM246813579GB")
    return content(page)


@shows("Ship many orders")
def ship_many(page: Page, sample: Sample) -> list[Locator]:
    page.goto(f"{ORDERS}?to_ship=yes")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label="Ship selected orders")
    page.get_by_role("button", name="Go", exact=True).click()
    page.locator("#ship_many_form").wait_for()
    page.get_by_label("Tracking number").first.fill("RM246813579GB")
    return content(page)


@shows("Print packing slips and delivery notes")
def slips(page: Page, sample: Sample) -> list[Locator]:
    choose_action(page, [sample.paid], "Print packing slips")
    return [page.locator("header"), page.locator(".sheet")]


@shows("Mark a shipment as delivered")
def delivered(page: Page, sample: Sample) -> list[Locator]:
    page.goto(reverse("admin:orders_shipment_change", args=[sample.shipped.shipments.get().pk]))
    return content(page)


@shows("Add a carrier")
def carrier(page: Page, sample: Sample) -> list[Locator]:
    page.goto("/admin/orders/carrier/add/")
    page.get_by_label("Name").fill("Parcel Express")
    page.get_by_label("Tracking URL").fill("https://track.example.com/?id={number}")
    page.keyboard.press("Home")
    return content(page)


@shows("Correct an order")
def correct(page: Page, sample: Sample) -> list[Locator]:
    page.goto(f"{ORDERS}{sample.paid.pk}/change/")
    page.get_by_role("link", name="Correct the shipping").click()
    return content(page)


@shows("Send an email again")
def resend(page: Page, sample: Sample) -> list[Locator]:
    open_step(page, sample.shipped, "resend")
    return content(page)


@shows("Add a note")
def note(page: Page, sample: Sample) -> list[Locator]:
    open_step(page, sample.paid, "note")
    page.get_by_label("Note").fill("Called: leave the parcel with the neighbour at number 3.")
    return content(page)


@shows("Cancel an unpaid order")
def cancel(page: Page, sample: Sample) -> list[Locator]:
    open_step(page, sample.unpaid, "cancel")
    return content(page)


@shows("Acknowledge an alert")
def acknowledge(page: Page, sample: Sample) -> list[Locator]:
    page.goto(f"{ORDERS}{sample.alert.pk}/change/")
    return below_title(page, ".order-alert", ".order-buttons")


@shows("Make links in emails invalid")
def revoke(page: Page, sample: Sample) -> list[Locator]:
    open_step(page, sample.paid, "revoke_links")
    return content(page)


@shows("Refund units")
def refund(page: Page, sample: Sample) -> list[Locator]:
    open_step(page, sample.paid, "refund")
    page.get_by_label("Units to refund").first.fill("1")
    page.get_by_label("Reason").fill("Broken on arrival")
    return content(page)


@shows("Return refunded units to stock")
def restock(page: Page, sample: Sample) -> list[Locator]:
    open_step(page, sample.shipped, "restock")
    return content(page)


@shows("Handle a withdrawal")
def withdrawal(page: Page, sample: Sample) -> list[Locator]:
    page.goto(reverse("admin:orders_withdrawal_change", args=[sample.withdrawn.pk]))
    return [
        page.get_by_role("heading", name="Assigned"),
        page.locator("form[action$='/arrived/'] .submit-row"),
        page.locator("form[action$='/close/'] .submit-row"),
    ]


@shows("Find a customer")
def customers(page: Page, sample: Sample) -> list[Locator]:
    page.goto("/admin/billing/billingprofile/?q=leeds")
    return below_title(page, "#toolbar", "#result_list", ".paginator")


@shows("Note something about a customer")
def customer_note(page: Page, sample: Sample) -> list[Locator]:
    page.goto(customer_url(sample))
    page.get_by_label("Note").fill("Wants no phone calls after six.")
    notes = page.get_by_role("heading", name="Notes", exact=True)
    return [notes, page.locator(".customer-notes"), page.locator("form[action$='/note/']")]


@shows("Give a customer their data, or erase it")
def customer_page(page: Page, sample: Sample) -> list[Locator]:
    page.goto(customer_url(sample))
    return below_title(page, ".customer-facts", ".customer-actions")


@shows("Add a product")
def product(page: Page, sample: Sample) -> list[Locator]:
    page.goto("/admin/products/product/add/")
    for field, value in {"title": "Oak tray", "sku": "TRAY-OAK", "price": "24.00", "stock_change": "12"}.items():
        page.locator(f"#id_{field}").fill(value)
    return below_title(page, ".field-active")


@shows("Add a variant of a product")
def variant(page: Page, sample: Sample) -> list[Locator]:
    page.goto(reverse("admin:products_product_copy", args=[sample.product.pk]))
    page.get_by_label("Choice of the copy").fill("Sage")
    return content(page)


@shows("Change the stock")
def stock(page: Page, sample: Sample) -> list[Locator]:
    page.goto("/admin/products/product/stock/?show=low")
    page.locator("input[name$='change_by']").first.fill("12")
    page.get_by_label("Reason").select_option(index=1)
    return content(page)


@shows("Arrange the home page")
def home_page(page: Page, sample: Sample) -> list[Locator]:
    kinds = ("picture", "promises", "categories", "newest", "story", "most_bought")
    for position, kind in enumerate(kinds, start=1):
        title = {"picture": "Things for every day", "story": "Made slowly"}.get(kind, "")
        HomeSection.objects.create(kind=kind, title=title, text="Text", position=10 * position)
    page.goto("/admin/products/homesection/")
    return content(page)


@shows("Export orders for the accountant")
def export(page: Page, sample: Sample) -> list[Locator]:
    page.goto("/admin/orders/order/export/")
    return content(page)


def customer_url(sample: Sample) -> str:
    return reverse("admin:billing_billingprofile_change", args=[sample.guest.pk])
