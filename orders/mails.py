"""Mails about orders: a row in the transaction of what it tells, sent after, tried again until they are gone."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ecommerce.letters import letter
from orders.links import order_url
from orders.models import Mail, Order, OrderEvent, Payment, Refund
from products.models import Product, StockMovement

Kind = Mail.Kind
SHOPPER, EXPIRY = "shopper", "expiry"  # who may cancel, beside staff
MOST_CANCELED = 5  # mails an hour to one address: anybody can order in another's name and not pay
Facts = dict[str, Any]


# --- rows, in the caller's transaction ---


def queue(order: Order, kind: str, about: str = "") -> Mail | None:
    """The row of this mail; one of a kind about the same of an order. None where there is nobody to write to."""
    to = settings.STAFF_EMAIL if kind in Mail.FOR_STAFF else order.email
    if not to:
        return None
    name = ".".join(filter(None, [str(order.uuid), kind, about]))
    shelf = {} if kind == Kind.LOW_STOCK else {"order": order}  # about a product, whichever order emptied it
    mail, _created = Mail.objects.get_or_create(
        **shelf,
        kind=kind,
        about=about,
        defaults={"order": order, "to": to, "message_id": f"<{name}@{settings.SITE_HOST or 'localhost'}>"},
    )
    return mail


def tell_paid(order: Order) -> Mail | None:
    """The shopper's confirmation; staff hear of the order, and of what is running out with it."""
    queue(order, Kind.NEW_ORDER)
    for item in order.items.select_related("product").order_by("product_id"):
        if _is_running_out(item.product):
            queue(order, Kind.LOW_STOCK, about=_filling(item.product))
    return queue(order, Kind.CONFIRMATION)


def tell_canceled(order: Order) -> None:
    """Nothing if the shopper did it, who was told on the page and goes on with the cart."""
    an_hour_ago = timezone.now() - timedelta(hours=1)
    if _canceled_by(order) == SHOPPER:
        return
    if Mail.objects.filter(kind=Kind.CANCELED, to=order.email, timestamp__gt=an_hour_ago).count() < MOST_CANCELED:
        queue(order, Kind.CANCELED)


def _canceled_by(order: Order) -> str:
    """Blank where nobody asked: it was cancelled at Stripe."""
    asked = order.events.filter(kind=OrderEvent.Kind.CANCELING).last()
    return asked.by if asked else ""


def _is_running_out(product: Product) -> bool:
    return product.active and product.stock is not None and product.stock <= settings.LOW_STOCK


def _filling(product: Product) -> str:
    """The last time that staff put something on this shelf: until they do so again, one mail is enough."""
    by_staff = [StockMovement.Kind.OPENING, StockMovement.Kind.ADJUSTED]
    filled = product.movements.filter(kind__in=by_staff, amount__gte=0).order_by("-pk").first()
    return f"{product.pk}-{filled.pk if filled else 0}"


# --- sending, outside any transaction ---


def send(mail: Mail | None) -> bool:
    """Send the mail unless somebody else is at it; False if it was not sent now."""
    is_sent = mail is not None and mail.deliver(build)
    if mail and is_sent and mail.kind == Kind.CONFIRMATION:
        mail.order.record(OrderEvent.Kind.MAILED)
    return is_sent


def send_waiting() -> int:
    """Send all whose turn it is; how many went out."""
    return Mail.objects.send(send)


# --- what they say, as things are when they are sent ---


def build(mail: Mail) -> EmailMultiAlternatives | None:
    """The mail; None if it is not true any more, or its person left."""
    facts = facts_of(mail) if mail.to else None
    return None if facts is None else compose(mail, facts, order_url(mail.order))


def compose(mail: Mail, facts: Facts, url: str) -> EmailMultiAlternatives:
    """The mail in the language of the order, or of the shop if it is for staff; `url` opens the order."""
    order = mail.order
    with translation.override(settings.LANGUAGE_CODE if mail.is_for_staff else order.language):
        context = {
            "order": order,
            "items": order.items.all(),
            "url": url,
            "admin_url": settings.SITE_URL + reverse("admin:orders_order_change", args=[order.pk]),
        } | facts
        return letter(f"orders/mails/{mail.kind}", _subject(mail, facts), mail.to, mail.message_id, context)


def facts_of(mail: Mail) -> Facts | None:
    """What this mail tells beside the order; None if it is not true any more."""
    if mail.kind == Kind.REFUNDED:
        row = Refund.objects.filter(pk=mail.about, status=Refund.Status.DONE).first()
        return refund_facts(mail.order, row) if row else None
    if mail.kind == Kind.LOW_STOCK:
        product = Product.objects.filter(pk=mail.about.partition("-")[0]).first()
        return stock_facts(product) if product and mail.about == _filling(product) else None
    return cancel_facts(mail.order) if mail.kind == Kind.CANCELED else {}


def refund_facts(order: Order, row: Refund) -> Facts:
    """How much goes back, and how much of the order in all."""
    done = Refund.objects.filter(payment__order=order, is_mismatch=False, status=Refund.Status.DONE)
    back = sum((refund.amount for refund in done), Decimal(0))
    return {"refund": row, "is_whole": row.amount == order.total, "back": back, "card": row.payment.card}


def cancel_facts(order: Order) -> Facts:
    """Whether it ended by itself, and whether a payment came for it after all."""
    is_charged = order.payments.filter(status=Payment.Status.SUCCEEDED).exists()
    return {"is_expired": _canceled_by(order) == EXPIRY, "is_charged": is_charged}


def stock_facts(product: Product) -> Facts:
    """What runs out, and where staff put more on the shelf."""
    page = reverse("admin:products_product_change", args=[product.pk])
    return {"product": product, "product_url": settings.SITE_URL + page}


def _subject(mail: Mail, facts: Facts) -> str:
    words = {"number": mail.order.order_id, "shop": settings.SITE_NAME, "product": facts.get("product")}
    subjects = {
        Kind.CONFIRMATION: _("Your order %(number)s at %(shop)s"),
        Kind.SHIPPED: _("Your order %(number)s is on its way"),
        Kind.REFUNDED: _("Refund for your order %(number)s"),
        Kind.CANCELED: _("Your order %(number)s was cancelled"),
        Kind.NEW_ORDER: _("New order %(number)s"),
        Kind.LOW_STOCK: _("Low stock: %(product)s"),
        Kind.ATTENTION: _("Order %(number)s needs attention"),
    }
    return subjects[Kind(mail.kind)] % words
