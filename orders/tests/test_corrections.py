"""Tests for corrections of postal addresses and email addresses by staff."""

import re
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core import mail as mailbox
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from addresses.models import Address
from billing.models import BillingProfile
from carts.pricing.agreement import format_address
from core.text.words import exact_word
from orders.bookkeeping.audit import audit
from orders.bookkeeping.checksum import checksum_of, is_intact
from orders.bookkeeping.reconcile import reconcile
from orders.emails import queue
from orders.emails.messages import build
from orders.emails.sending import send_waiting
from orders.links import order_url
from orders.models import Correction, Mail, Order, Refund, Shipment
from orders.search.engine import search_orders
from orders.workflow import corrections
from orders.workflow.erasure import erase_order, person_of_order
from orders.workflow.erasure.erase import erase_person
from orders.workflow.personal_data import export_personal_data
from stripe_simulator.server import Simulator
from tests.makers import ADDRESS, buy, make_carrier, make_intact_order, make_product, make_user, ship

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
NEW = ADDRESS | {"line_1": "2 Low Street", "city": "Wells", "postal_code": "BA5 2AA"}
OLD_EMAIL, NEW_EMAIL = "guest@example.org", "gia@example.org"
CALIFORNIA = {
    "country": "US", "name": "Gia", "line_1": "1 Main Street", "city": "Davis", "state": "CA", "postal_code": "95616",
}  # fmt: skip


@pytest.fixture
def staff(client: Client) -> Client:
    """Return the client of a superuser."""
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def address_url(order: Order, kind: str = "shipping") -> str:
    return reverse("admin:orders_order_correct_address", args=[order.pk]) + f"?kind={kind}"


def email_url(order: Order) -> str:
    return reverse("admin:orders_order_correct_email", args=[order.pk])


def submit(client: Client, url: str, **data: Any) -> Any:
    """Submit the page as it is shown now, with these changes."""
    form = client.get(url).context["form"]
    return client.post(url, {"shown": form["shown"].value()} | data, follow=True)


def correct_address(client: Client, order: Order, kind: str = "shipping", **changes: str) -> Any:
    return submit(client, address_url(order, kind), **(NEW | changes))


def correct_email(client: Client, order: Order, email: str = NEW_EMAIL, **changes: str) -> Any:
    return submit(client, email_url(order), email=email, **changes)


def make_order_in(address: dict[str, str]) -> Order:
    """Return a paid order to another postal address, with a valid checksum."""
    order = make_intact_order()
    Address.objects.filter(billing_profile=order.billing_profile).update(**address)
    order.refresh_from_db()
    text = format_address(order.shipping_address, "en")
    order.shipping_address_text = order.billing_address_text = text
    values = {"shipping_address_text": text, "billing_address_text": text, "checksum": checksum_of(order)}
    Order.objects.filter(pk=order.pk).update(**values)
    order.refresh_from_db()
    return order


def is_unchanged(order: Order) -> bool:
    before = order.email, order.shipping_address_text, order.billing_address_text, order.checksum, order.link_version
    order.refresh_from_db()
    after = order.email, order.shipping_address_text, order.billing_address_text, order.checksum, order.link_version
    return before == after and not order.corrections.exists()


# Postal addresses


def test_shipping_address_is_corrected_and_recorded(staff: Client) -> None:
    order = make_intact_order()
    page = correct_address(staff, order)
    order.refresh_from_db()
    assert f"{order} was corrected: Shipping address." in page.text
    assert order.shipping_address_text == "Gia Guest\n2 Low Street\nWELLS\nBA5 2AA\nUnited Kingdom"
    row = order.corrections.get()
    assert (row.kind, row.old.splitlines()[1], row.new.splitlines()[1]) == ("shipping", "1 High Street", "2 Low Street")
    assert (row.by, order.events.get().by) == ("boss@example.org", "boss@example.org")
    assert order.events.get().display_text == "Our staff corrected this order: Shipping address"
    assert LogEntry.objects.get().get_change_message() == "Corrected: Shipping address."


def test_message_names_both_addresses_if_both_were_corrected(staff: Client) -> None:
    order = make_intact_order()
    assert f"{order} was corrected: Shipping address, Billing address." in correct_address(staff, order, both="on").text


def test_page_of_a_correction_names_the_order_and_the_street(staff: Client) -> None:
    order = make_intact_order()
    page = staff.get(address_url(order)).text
    assert f"<h1>Correct the shipping address of order {order}</h1>" in page
    assert "Street and number" in page


def test_page_of_a_correction_says_what_happens_to_saved_addresses(staff: Client) -> None:
    order = make_intact_order()
    assert "The shopper has no account. In the browser of this order," in staff.get(address_url(order)).text
    Order.objects.update(billing_profile=make_user(order.email).billing_profile)
    assert "The saved addresses of the account stay." in staff.get(address_url(order)).text


def test_correction_of_one_address_leaves_the_other(staff: Client) -> None:
    order = make_intact_order()
    correct_address(staff, order, "billing")
    order.refresh_from_db()
    assert [text.splitlines()[1] for text in (order.shipping_address_text, order.billing_address_text)] == [
        "1 High Street", "2 Low Street",
    ]  # fmt: skip


def test_address_that_is_both_is_corrected_once_for_both(staff: Client) -> None:
    order = make_intact_order()
    correct_address(staff, order, both="on")
    order.refresh_from_db()
    assert order.shipping_address_text == order.billing_address_text
    assert sorted(order.corrections.values_list("kind", flat=True)) == ["billing", "shipping"]


def test_amounts_stay_and_the_checksum_is_valid(staff: Client) -> None:
    order = make_intact_order()
    correct_address(staff, order)
    after = Order.objects.get(pk=order.pk)
    stays = [name for name in Order.columns.frozen if name != "shipping_address_text"]
    assert [name for name in stays if getattr(order, name) != getattr(after, name)] == []
    assert is_intact(after)


def test_saved_addresses_stay_and_the_new_one_belongs_to_the_payer(staff: Client) -> None:
    order = make_intact_order()
    before = Address.objects.values().get()
    correct_address(staff, order)
    order.refresh_from_db()
    assert Address.objects.filter(pk=before["id"]).values().get() == before
    assert order.shipping_address
    assert order.shipping_address_id != before["id"]
    assert order.shipping_address.billing_profile == order.billing_profile


def test_order_is_found_by_its_corrected_address(staff: Client) -> None:
    order = make_intact_order()
    correct_address(staff, order, both="on")
    found = [[*search_orders(Order.objects.all(), text)] for text in ("Wells", "High Street")]
    assert found == [[order], []]


@pytest.mark.parametrize("changes", [{"country": "IE", "postal_code": ""}, {"country": "XX"}, {"country": ""}])
def test_other_country_is_rejected(staff: Client, changes: dict[str, str]) -> None:
    order = make_intact_order()
    page = correct_address(staff, order, **changes)
    assert (page.status_code, is_unchanged(order)) == (200, True)
    assert "errorlist" in page.text


def test_other_region_is_rejected(staff: Client) -> None:
    order = make_order_in(CALIFORNIA)
    page = submit(staff, address_url(order), **(CALIFORNIA | {"state": "NY", "postal_code": "10001"}))
    assert is_unchanged(order)
    assert "The country and the region have to stay" in page.text


def test_address_in_the_same_region_is_accepted(staff: Client) -> None:
    order = make_order_in(CALIFORNIA)
    submit(staff, address_url(order), **(CALIFORNIA | {"line_1": "2 Main Street"}))
    assert order.corrections.get().new.splitlines()[1] == "2 Main Street"


def test_workflow_rejects_another_country(staff: Client) -> None:
    order = make_intact_order()
    shown = corrections.fingerprint(order.shipping_address_text)
    with pytest.raises(corrections.CorrectionRejected, match="country"):
        corrections.correct_address(order, Address(**(NEW | {"country": "IE"})), ["shipping"], shown, "boss")
    assert is_unchanged(order)


def test_country_is_that_of_the_order_if_the_shopper_moved_their_saved_address(staff: Client) -> None:
    order = make_intact_order()
    Address.objects.update(country="IE")
    correct_address(staff, order)
    assert order.corrections.get().new.splitlines()[-1] == "United Kingdom"


def test_region_that_is_no_longer_known_cannot_be_corrected(staff: Client) -> None:
    order = make_order_in(CALIFORNIA)
    Address.objects.all().delete()
    assert "no longer known" in staff.get(address_url(order)).text


@pytest.mark.parametrize(
    "data",
    [{}, {"line_1": ""}, {"name": "x" * 121}, {"name": "a\0b"}, {"postal_code": "?"}, {"shown": "x" * 9999}],
)
def test_hostile_address_form_changes_nothing(staff: Client, data: dict[str, str]) -> None:
    order = make_intact_order()
    response = staff.post(address_url(order), NEW | {"shown": "stale"} | data if data else {})
    assert (response.status_code in (200, 302), is_unchanged(order)) == (True, True)


def test_unknown_kind_is_the_shipping_address(staff: Client) -> None:
    order = make_intact_order()
    assert "Correct the shipping address" in staff.get(address_url(order, "<script>")).text


def test_same_address_is_rejected(staff: Client) -> None:
    order = make_intact_order()
    assert "has already" in submit(staff, address_url(order), **ADDRESS).text
    assert is_unchanged(order)


def test_second_of_two_members_of_staff_is_told(staff: Client) -> None:
    order = make_intact_order()
    shown = staff.get(address_url(order)).context["form"]["shown"].value()
    correct_address(staff, order)
    late = staff.post(address_url(order), NEW | {"shown": shown, "line_1": "3 Late Street"}, follow=True)
    assert "Somebody else corrected this in the meantime" in late.text
    assert order.corrections.count() == 1


# When corrections are possible


@pytest.mark.parametrize("status", ["placed", "canceled", "shipped", "refunded"])
def test_only_a_paid_order_with_units_to_ship_is_corrected(staff: Client, status: str) -> None:
    order = make_intact_order()
    shown = corrections.fingerprint(order.email)
    Order.objects.update(status=status, shipped_at=timezone.now() if status == "shipped" else None)
    assert "Only a paid order with units left to ship" in staff.get(email_url(order)).text
    staff.post(email_url(order), {"email": NEW_EMAIL, "shown": shown})
    assert is_unchanged(order)


def test_order_without_units_to_ship_is_not_corrected(staff: Client) -> None:
    order = make_intact_order()
    item = order.items.get()
    Refund.objects.create(payment=order.payments.get(), amount=1, currency="gbp", units={str(item.pk): 1})
    assert "Only a paid order with units left to ship" in staff.get(address_url(order)).text


@pytest.mark.parametrize("url", [address_url, email_url])
def test_invalid_checksum_is_not_renewed(staff: Client, url: Any) -> None:
    order = make_intact_order()
    data = NEW | {"email": NEW_EMAIL, "shown": staff.get(url(order)).context["form"]["shown"].value()}
    Order.objects.update(subtotal=F("subtotal") + 1)
    order.refresh_from_db()
    page = staff.post(url(order), data)
    assert "An operator has to check it first" in page.text
    assert (is_unchanged(order), is_intact(order)) == (True, False)


def test_erased_order_is_not_corrected(staff: Client) -> None:
    order = make_intact_order()
    data = {"email": NEW_EMAIL, "shown": corrections.fingerprint(order.email)}
    erase_order(order)
    assert "was erased" in staff.post(email_url(order), data).text
    assert is_unchanged(order)


def test_correction_needs_the_permission(client: Client) -> None:
    order = make_intact_order()
    user = make_user("packer@example.org", is_staff=True)
    client.force_login(user)
    answers = {client.post(url, NEW).status_code for url in (address_url(order), email_url(order))}
    assert answers == {403}


def test_get_changes_nothing(staff: Client) -> None:
    order = make_intact_order()
    staff.get(email_url(order), {"email": NEW_EMAIL, "shown": corrections.fingerprint(order.email)})
    assert is_unchanged(order)


# Email addresses


def link_of(order: Order) -> str:
    """Return the path of the link that an email about this order has now."""
    return order_url(Order.objects.get(pk=order.pk)).removeprefix("http://127.0.0.1:8000")


def test_email_is_corrected_and_recorded(staff: Client) -> None:
    order = make_intact_order()
    correct_email(staff, order)
    order.refresh_from_db()
    row = order.corrections.get()
    assert (order.email, row.kind, row.old, row.new) == (NEW_EMAIL, "email", OLD_EMAIL, NEW_EMAIL)
    assert is_intact(order)
    assert [*search_orders(Order.objects.all(), NEW_EMAIL)] == [order]
    assert exact_word(OLD_EMAIL) not in order.search_words.words.split()


def test_old_link_is_dead_and_the_new_one_opens_the_order(staff: Client) -> None:
    order = make_intact_order()
    old = link_of(order)
    correct_email(staff, order)
    pages = [Client().get(path, follow=True) for path in (old, link_of(order))]
    assert [order.order_id in page.text for page in pages] == [False, True]


def test_access_by_an_old_link_ends(staff: Client) -> None:
    order, reader = make_intact_order(), Client()
    reader.get(link_of(order), follow=True)
    assert reader.get(order.get_absolute_url()).status_code == 200
    correct_email(staff, order)
    assert reader.get(order.get_absolute_url()).status_code == 404


def test_old_mailbox_gets_nothing_and_waiting_email_goes_to_the_new_one(staff: Client) -> None:
    order = make_intact_order()
    queue.queue(order, Mail.Kind.CONFIRMATION)
    Mail.objects.update(attempts=9, tried_at=timezone.now())
    correct_email(staff, order, confirm="on")
    send_waiting()
    assert [message.to for message in mailbox.outbox] == [[NEW_EMAIL]]


def test_confirmation_that_was_sent_is_sent_again_to_the_new_address(staff: Client) -> None:
    order = make_intact_order()
    queue.queue(order, Mail.Kind.CONFIRMATION)
    send_waiting()
    correct_email(staff, order, confirm="on")
    send_waiting()
    assert [message.to for message in mailbox.outbox] == [[OLD_EMAIL], [NEW_EMAIL]]


def test_confirmation_is_not_sent_again_without_the_tick(staff: Client) -> None:
    order = make_intact_order()
    queue.queue(order, Mail.Kind.CONFIRMATION)
    send_waiting()
    correct_email(staff, order)
    assert send_waiting() == 0


def test_process_that_read_the_email_before_sends_no_new_link_to_the_old_address(staff: Client) -> None:
    order = make_intact_order()
    queue.queue(order, Mail.Kind.CONFIRMATION)
    mail = Mail.objects.get()  # its order is read after the correction
    correct_email(staff, order)
    message = build(mail)
    assert message
    assert message.to == [NEW_EMAIL]


@pytest.mark.parametrize("is_refused", [False, True])
def test_email_that_is_being_sent_during_a_correction_is_sent_to_the_new_address_too(
    staff: Client, monkeypatch: pytest.MonkeyPatch, is_refused: bool
) -> None:
    order = make_intact_order()
    row = queue.queue(order, Mail.Kind.CONFIRMATION)
    send = EmailMultiAlternatives.send

    def correct_and_send(message: EmailMultiAlternatives) -> int:
        monkeypatch.undo()
        submit(staff, email_url(order), email=NEW_EMAIL)
        if is_refused:
            raise SMTPRecipientsRefused({OLD_EMAIL: (550, b"5.1.1 No such user")})
        return send(message)

    monkeypatch.setattr(EmailMultiAlternatives, "send", correct_and_send)
    send_waiting()
    mailbox.outbox.clear()
    send_waiting()
    assert [NEW_EMAIL] in [message.to for message in mailbox.outbox]  # Staff get an alert about the refusal.
    assert row
    row.refresh_from_db()
    assert row.sent


def test_email_to_staff_stays(staff: Client) -> None:
    order = make_intact_order()
    queue.queue(order, Mail.Kind.NEW_ORDER)
    correct_email(staff, order)
    assert order.mails.get().to == "help@shop.example"


@pytest.mark.parametrize("email", ["", "no", "a@localhost", "x" * 255 + "@example.org", "a\0@example.org", OLD_EMAIL])
def test_invalid_email_is_rejected_with_a_message(staff: Client, email: str) -> None:
    order = make_intact_order()
    page = correct_email(staff, order, email)
    assert is_unchanged(order)
    assert "errorlist" in page.text or "has already" in page.text


def test_email_that_was_refused_is_rejected(staff: Client) -> None:
    order = make_intact_order()
    values = {"to": NEW_EMAIL, "dropped": timezone.now(), "refusal": "550 5.1.1"}
    Mail.objects.create(order=order, kind=Mail.Kind.CONFIRMATION, message_id="<1>", **values)
    assert "was refused" in correct_email(staff, order).text
    assert is_unchanged(order)


def test_second_correction_of_the_email_is_told(staff: Client) -> None:
    order = make_intact_order()
    shown = corrections.fingerprint(order.email)
    correct_email(staff, order)
    late = staff.post(email_url(order), {"email": "late@example.org", "shown": shown}, follow=True)
    assert "Somebody else corrected this in the meantime" in late.text
    assert order.corrections.count() == 1


def test_profile_of_a_guest_gets_the_new_email(staff: Client) -> None:
    order = make_intact_order()
    correct_email(staff, order)
    assert BillingProfile.objects.get(orders=order).email == NEW_EMAIL


def test_account_keeps_its_email_and_the_order(staff: Client) -> None:
    user = make_user(OLD_EMAIL)
    order = make_intact_order(billing_profile=user.billing_profile)
    assert "The account keeps its email address" in staff.get(email_url(order)).text
    correct_email(staff, order)
    user.refresh_from_db()
    assert (user.email, user.billing_profile.email) == (OLD_EMAIL, OLD_EMAIL)
    assert [*Order.objects.for_account(user)] == [order]


@pytest.mark.parametrize(("email", "is_kept"), [(OLD_EMAIL, False), (NEW_EMAIL, True)])
def test_account_that_claimed_the_order_keeps_it_only_by_the_new_address(
    staff: Client, email: str, is_kept: bool
) -> None:
    user = make_user(email, email_verified=email)
    order = make_intact_order(account=user)
    correct_email(staff, order)
    assert Order.objects.for_account(user).exists() is is_kept


def test_order_is_named_and_claimed_by_the_new_email(staff: Client) -> None:
    order = make_intact_order()
    correct_email(staff, order)
    owners = [make_user(email, email_verified=email) for email in (OLD_EMAIL, NEW_EMAIL)]
    assert [Order.objects.claimable(user).count() for user in owners] == [0, 1]
    found = [Order.objects.named(order.order_id, email).count() for email in (OLD_EMAIL, NEW_EMAIL)]
    assert found == [0, 1]


# Personal data


def test_erasure_clears_the_corrected_values(staff: Client) -> None:
    order = make_intact_order()
    correct_email(staff, order)
    erase_order(order)
    assert order.corrections.values_list("old", "new").get() == ("", "")


def test_erasure_finds_the_corrected_values_in_alerts_and_tracking_numbers(staff: Client) -> None:
    order = make_intact_order()
    shipment = Shipment.objects.create(order=order, number=1, units={}, tracking="1 High Street")
    submit(staff, email_url(order), email=NEW_EMAIL)
    submit(staff, address_url(order), **NEW)
    Order.objects.filter(pk=order.pk).update(attention=f"{OLD_EMAIL} is wrong, see 1 High Street")
    erase_order(order)
    shipment.refresh_from_db()
    assert (order.attention, shipment.tracking) == ("… is wrong, see …", "…")


def test_export_contains_the_corrections(staff: Client) -> None:
    user = make_user(OLD_EMAIL)
    order = make_intact_order(billing_profile=user.billing_profile)
    correct_email(staff, order)
    [entry] = export_personal_data(user)["orders"]
    assert [(row["old"], row["new"]) for row in entry["corrections"]] == [(OLD_EMAIL, NEW_EMAIL)]


def test_address_of_an_order_of_an_erased_person_gets_no_row(staff: Client) -> None:
    order = make_intact_order()
    person = person_of_order(order)
    assert person
    erase_person(person)
    correct_address(staff, order)
    order.refresh_from_db()
    assert order.shipping_address_text.startswith("Gia Guest\n2 Low Street")
    assert (order.shipping_address, Address.objects.count()) == (None, 0)


@pytest.mark.slow
def test_audit_is_clean_after_corrections(staff: Client, other_client: Client, simulator: Simulator) -> None:
    order = buy(other_client, make_product())
    correct_address(staff, order, both="on")
    correct_email(staff, order, confirm="on")
    reconcile()
    assert audit() == []
    assert Correction.objects.count() == 3
    [customer] = simulator.objects("customer")
    assert customer["email"] == NEW_EMAIL


def test_emailed_link_after_a_correction_is_in_the_confirmation(staff: Client) -> None:
    order = make_intact_order()
    queue.queue(order, Mail.Kind.CONFIRMATION)
    correct_email(staff, order)
    send_waiting()
    [path] = set(re.findall(r"http://127\.0\.0\.1:8000(/orders/\S+)", str(mailbox.outbox[0].body)))
    assert order.order_id in Client().get(path, follow=True).text


# Tracking numbers


@pytest.fixture
def shipment() -> Shipment:
    """Return the only shipment of an order, about which the shopper got an email."""
    order = make_intact_order()
    assert ship(order, "packer", "AB 1")
    send_waiting()
    mailbox.outbox.clear()
    return order.shipments.get()


def tracking_url(shipment: Shipment) -> str:
    return reverse("admin:orders_shipment_correct_tracking", args=[shipment.pk])


def test_tracking_number_is_corrected_and_recorded(staff: Client, shipment: Shipment) -> None:
    carrier = make_carrier(name="Parcels")
    submit(staff, tracking_url(shipment), carrier=carrier.pk, tracking="AB 2")
    shipment.refresh_from_db()
    row = shipment.order.corrections.get()
    assert (shipment.carrier, shipment.tracking) == (carrier, "AB 2")
    assert (row.kind, row.old, row.new) == ("tracking", "AB 1", "Parcels AB 2")
    assert [*search_orders(Order.objects.all(), "AB 2")] == [shipment.order]
    assert is_intact(shipment.order)


@pytest.mark.parametrize(("data", "sent"), [({"confirm": "on"}, 1), ({}, 0)])
def test_shopper_gets_one_email_with_the_corrected_number(
    staff: Client, shipment: Shipment, data: dict[str, str], sent: int
) -> None:
    submit(staff, tracking_url(shipment), tracking="AB 2", **data)
    assert send_waiting() == sent
    assert ["AB 2" in str(message.body) for message in mailbox.outbox] == [True] * sent


def test_page_of_the_shipment_links_to_the_correction(staff: Client, shipment: Shipment) -> None:
    page = staff.get(reverse("admin:orders_shipment_change", args=[shipment.pk])).text
    assert tracking_url(shipment) in page


def test_second_correction_of_the_tracking_number_is_told(staff: Client, shipment: Shipment) -> None:
    shown = corrections.fingerprint("AB 1")
    submit(staff, tracking_url(shipment), tracking="AB 2")
    late = staff.post(tracking_url(shipment), {"tracking": "AB 3", "shown": shown}, follow=True)
    assert "Somebody else corrected this in the meantime" in late.text
    assert shipment.order.corrections.count() == 1


@pytest.mark.parametrize("data", [{"tracking": "<script>"}, {"tracking": "9" * 61}, {"carrier": "0"}, {"carrier": "x"}])
def test_hostile_tracking_form_changes_nothing(staff: Client, shipment: Shipment, data: dict[str, str]) -> None:
    page = submit(staff, tracking_url(shipment), **({"tracking": "AB 2"} | data))
    shipment.refresh_from_db()
    assert ("errorlist" in page.text, shipment.tracking) == (True, "AB 1")


def test_tracking_number_of_an_erased_order_stays(staff: Client, shipment: Shipment) -> None:
    erase_order(shipment.order)
    page = staff.post(tracking_url(shipment), {"tracking": "AB 2", "shown": corrections.fingerprint("AB 1")})
    shipment.refresh_from_db()
    assert ("was erased" in page.text, shipment.tracking) == (True, "AB 1")


def test_correction_of_a_tracking_number_needs_the_permission(client: Client, shipment: Shipment) -> None:
    user = make_user("packer@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "view_shipment", "ship_order"]))
    client.force_login(user)
    assert client.post(tracking_url(shipment), {"tracking": "AB 2"}).status_code == 403
