"""Erasure of placed orders. Bookkeeping keeps their numbers, lines, amounts, payments and countries."""

import re

from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from addresses.countries import country_choices
from orders.bookkeeping.checksum import checksum_of, is_intact
from orders.models import Correction, Mail, Order, OrderEvent, OrderWords, Payment, Refund, Shipment
from orders.workflow.erasure.notes import clear_log

MIN_LENGTH = 3  # of a text that is looked for in other texts


@transaction.atomic
def erase_order(order: Order) -> bool:
    """Remove the personal data from a placed order. Return False if this was done before.

    The number, lines, amounts and payments stay. The country of each postal address stays because sales are taxed by
    it. The order gets a new checksum, unless its checksum was already wrong: an erasure must not hide what an audit
    has to find.
    """
    if not Order.objects.filter(pk=order.pk).exclude(email="").update(updated=timezone.now()):
        return False
    order.refresh_from_db()  # The update above has locked the row.
    was_intact = is_intact(order)
    _drop_emails(order)
    order.withdrawals.all().erase()
    rows = Order.objects.filter(pk=order.pk)
    erased = dict.fromkeys(Order.columns.personal, "") | {
        name: _anonymize(getattr(order, name), order.language)
        for name in ("shipping_address_text", "billing_address_text")
    }
    erased |= {name: _without_person(getattr(order, name), order) for name in Order.columns.free_text}
    erased |= {"placed_ip": "", "placed_session": ""}
    _erase_tracking(order)
    rows.update(shipping_address=None, billing_address=None, link_version=F("link_version") + 1, **erased)
    _erase_free_texts(order)
    order.refresh_from_db()
    if was_intact:
        rows.update(checksum=checksum_of(order))
    OrderWords.objects.forget(rows)
    order.record(OrderEvent.Kind.ERASED)
    order.refresh_from_db()
    return True


def _drop_emails(order: Order) -> None:
    """Drop unsent email messages to this person, and remove the recipient from all their rows."""
    mails = order.mails.exclude(kind__in=Mail.FOR_STAFF)
    mails.filter(sent=None, dropped=None).update(dropped=timezone.now())
    mails.update(to="")


def _erase_free_texts(order: Order) -> None:
    """Remove corrected values and notes, and the texts in the history, payments and refunds.

    Staff or banks wrote them, and they can name the person.

    The amounts and codes are in other columns. The reason of a mismatch refund is the shop's own text.
    """
    refunds = Refund.objects.filter(payment__order=order)
    order.events.update(text="", translations={})
    order.corrections.update(old="", new="")
    order.notes.update(text="")
    Payment.objects.filter(order=order).update(message="")
    refunds.update(message="")
    refunds.filter(is_mismatch=False).update(reason="")
    clear_log(Order, [order.pk])


def _erase_tracking(order: Order) -> None:
    """Remove what identifies the person from the tracking numbers. The shop needs the rest to prove the delivery."""
    for shipment in order.shipments.exclude(tracking=""):
        tracking = _without_person(shipment.tracking, order)
        Shipment.objects.filter(pk=shipment.pk).update(tracking=tracking)


def _without_person(text: str, order: Order) -> str:
    """Remove what identifies the person from a text that the shop still needs, such as an open alert."""
    for part in sorted(_personal_texts(order), key=len, reverse=True):
        if len(part) >= MIN_LENGTH:
            text = re.sub(re.escape(part), "…", text, flags=re.IGNORECASE)
    return text


def _personal_texts(order: Order) -> set[str]:
    """Return the email address, the phone number and the lines of the postal addresses, also before a correction."""
    kinds, old = Correction.Kind, order.corrections.values_list("old", flat=True)
    contacts = {order.email, order.phone, *old.filter(kind=kinds.EMAIL)}
    addresses = [order.shipping_address_text, order.billing_address_text]
    addresses += old.filter(kind__in=[kinds.SHIPPING, kinds.BILLING])
    return contacts | {line.strip() for address in addresses for line in _lines(address)}


def _lines(address: str) -> list[str]:
    """Return the lines of an address without its last one, the country."""
    return address.splitlines()[:-1]


def _anonymize(text: str, language: str) -> str:
    """Return a placeholder, followed by the country if it is the last line of the postal address."""
    with translation.override(language):
        countries = {name.casefold(): name for _code, name in country_choices()}
        country = countries.get((text.splitlines() or [""])[-1].strip().casefold(), "")
        return "\n".join(filter(None, [_("(removed)"), country]))
