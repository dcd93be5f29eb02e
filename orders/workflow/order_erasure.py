"""Erasure of personal data from orders. Data needed for bookkeeping stays, with a new checksum."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from addresses.countries import country_choices
from orders.bookkeeping.checksum import seal_of
from orders.models import Order, OrderEvent


@transaction.atomic
def forget(order: Order) -> bool:
    """Remove name, email address and postal addresses from a placed order. Return False if this was done before.

    The number, lines, amounts and payments stay. The country of each postal address stays because sales are taxed by
    it. The order gets a new checksum, unless its checksum was already wrong: an erasure must not hide what an audit
    has to find.
    """
    if not Order.objects.filter(pk=order.pk).exclude(email="").update(updated=timezone.now()):
        return False
    order.refresh_from_db()  # The update above has locked the row.
    is_intact = order.seal == seal_of(order)
    _drop_mails(order)
    rows = Order.objects.filter(pk=order.pk)
    rows.update(
        email="",
        shipping_address=None,
        billing_address=None,
        shipping_address_text=_anonymize(order.shipping_address_text, order.language),
        billing_address_text=_anonymize(order.billing_address_text, order.language),
        link_version=F("link_version") + 1,
    )
    order.refresh_from_db()
    if is_intact:
        rows.update(seal=seal_of(order))
    order.record(OrderEvent.Kind.FORGOTTEN)
    order.refresh_from_db()
    return True


def _drop_mails(order: Order) -> None:
    """Drop unsent email messages to this person, and remove the recipient from all their rows."""
    mails = order.mails.filter(to=order.email)
    mails.filter(sent=None, dropped=None).update(dropped=timezone.now())
    mails.update(to="")


def _anonymize(text: str, language: str) -> str:
    """Return a placeholder, followed by the country if it is the last line of the postal address."""
    with translation.override(language):
        countries = {name.casefold(): name for _code, name in country_choices()}
        country = countries.get((text.splitlines() or [""])[-1].strip().casefold(), "")
        return "\n".join(filter(None, [_("(removed with the account)"), country]))
