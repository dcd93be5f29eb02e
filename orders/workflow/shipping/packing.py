"""Which orders can be packed without a closer look, for work on many orders at once."""

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from addresses.countries import country_name
from core.shop.current import current_shop
from orders.accounting.destinations import country_of
from orders.models import Correction, Order, Shipment
from orders.models.item import LineUnits
from orders.models.units import units_text
from orders.workflow.shipping.shipments import shipping_obstacle


class Packable(NamedTuple):
    """An order with its units to pack: those that are left to ship, or those of a shipment, to print it again."""

    order: Order
    lines: list[LineUnits]
    shipment: Shipment | None = None

    @property
    def number(self) -> str:
        """The number on the slip: that of the order, or of the shipment."""
        return str(self.shipment or self.order)

    @property
    def address_text(self) -> str:
        """The postal address to which the units go, or went before staff corrected it."""
        return address_of(self.shipment) if self.shipment else self.order.shipping_address_text

    @property
    def label(self) -> str:
        """The postal address as it stands on the parcel."""
        return label_address(self.address_text, self.order.language)

    @property
    def address(self) -> str:
        """The name and the postal address in one line."""
        return ", ".join(filter(None, map(str.strip, self.order.shipping_address_text.splitlines())))

    @property
    def shown(self) -> str:
        """The units to ship, as `ship` compares them with those that are left."""
        return units_text({str(line.item.pk): line.units for line in self.lines})


class Unpackable(NamedTuple):
    """An order that is left out, and a sentence for staff that names it and says why."""

    order: Order
    reason: str


def split_to_pack(orders: Iterable[Order]) -> tuple[list[Packable], list[Unpackable]]:
    """Return the orders that can be packed, and those that staff have to open first or that have nothing to ship."""
    rows = list(orders)
    disputed = set(Order.objects.disputed().filter(pk__in=[order.pk for order in rows]).values_list("pk", flat=True))
    packable, left_out = [], []
    for order in rows:
        if reason := _obstacle(order, order.pk in disputed):
            params = {"order": order, "status": order.get_status_display(), "attention": order.attention}
            left_out.append(Unpackable(order, reason % params))
        else:
            packable.append(Packable(order, order.lines_to_ship()))
    return packable, left_out


def split_shipped(shipment: Shipment) -> tuple[list[Packable], list[Unpackable]]:
    """Return the shipment, to print its slip or note again, unless the personal data of its order was erased."""
    if not shipment.order.email:
        return [], [Unpackable(shipment.order, _("The personal data of this order was erased."))]
    return [Packable(shipment.order, shipment.lines(), shipment)], []


def label_address(text: str, language: str) -> str:
    """Return a postal address in this language as it stands on a parcel.

    The post of the shop's country reads the name of the country, so that is in the shop's language, and in capital
    letters if it is another country.
    """
    code = country_of(text, language)
    if not code:
        return text
    with translation.override(settings.LANGUAGE_CODE):
        name = country_name(code)
    return "\n".join([*text.splitlines()[:-1], name if code == current_shop().country else name.upper()])


def address_of(shipment: Shipment) -> str:
    """Return the postal address of the order when this was shipped. Staff can correct it until all is shipped."""
    later = shipment.order.corrections.filter(kind=Correction.Kind.SHIPPING, at__gt=shipment.shipped_at)
    first = later.order_by("pk").first()
    return first.old if first else shipment.order.shipping_address_text


def _obstacle(order: Order, is_disputed: bool) -> str:
    """Return why the order is left out, with placeholders for the order, its status and its alert, or ""."""
    if order.status == Order.Status.PAID and order.attention:
        return _("%(order)s needs attention: %(attention)s")
    if order.status == Order.Status.PAID and is_disputed:
        return _("%(order)s: its payment is disputed. If you want to ship it, open the order.")
    if obstacle := shipping_obstacle(order):
        return obstacle
    return "" if order.shipping_address_text else _("%(order)s has no postal address.")
