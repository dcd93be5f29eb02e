"""An order without its person: what bookkeeping needs stays, the words that say who it was go, under a new seal."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from addresses.countries import country_choices
from orders.models import Order, OrderEvent
from orders.seals import seal_of


@transaction.atomic
def forget(order: Order) -> bool:
    """Take name, e-mail and addresses from a placed order; number, lines, sums and payments stay. False if done before.

    Of an address the country stays, by which sales are taxed. The order is sealed anew, unless its seal was broken
    before: forgetting must not hide what an audit has to find.
    """
    if not Order.objects.filter(pk=order.pk).exclude(email="").update(updated=timezone.now()):
        return False
    order.refresh_from_db()  # after the write, so that nobody changes the row meanwhile
    is_sound = order.seal == seal_of(order)
    _drop_mails(order)
    rows = Order.objects.filter(pk=order.pk)
    rows.update(
        email="",
        shipping_address=None,
        billing_address=None,
        shipping_address_text=_anonymous(order.shipping_address_text, order.language),
        billing_address_text=_anonymous(order.billing_address_text, order.language),
        link_version=F("link_version") + 1,
    )
    order.refresh_from_db()
    if is_sound:
        rows.update(seal=seal_of(order))
    order.record(OrderEvent.Kind.FORGOTTEN)
    order.refresh_from_db()
    return True


def _drop_mails(order: Order) -> None:
    """Mails to this person are not sent any more, and their rows do not say whom they went to."""
    mails = order.mails.filter(to=order.email)
    mails.filter(sent=None, dropped=None).update(dropped=timezone.now())
    mails.update(to="")


def _anonymous(text: str, language: str) -> str:
    """The address without anybody in it; its last line if that is the country."""
    with translation.override(language):
        countries = {name.casefold(): name for _code, name in country_choices()}
        country = countries.get((text.splitlines() or [""])[-1].strip().casefold(), "")
        return "\n".join(filter(None, [_("(removed with the account)"), country]))
