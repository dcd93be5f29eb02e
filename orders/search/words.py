"""The words under which staff find placed orders, in a table of their own.

The database only splits them at spaces. Its index is made by the migration `orders.0012_search_index`.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import connection, models, transaction
from django.utils.translation import gettext_lazy as _

from core.database.prepared import insert_row
from core.text.words import exact_word, words_of

CHUNK = 500


def amount_word(amount: Decimal) -> str:
    """Return the word under which an order with this total is found."""
    return exact_word(f"amount {amount:.2f}")


def words_of_order(order: Any, items: Iterable[Any], tracking: Iterable[str] = ()) -> str:
    """Return the words under which a placed order with these lines and tracking numbers is found, with spaces."""
    items = list(items)
    keys = [order.order_id, order.email, order.discount_code, *tracking, *(item.sku for item in items)]
    texts = [*keys, order.shipping_address_text, order.billing_address_text, *(item.title for item in items)]
    parts = [amount_word(order.total), *(exact_word(key) for key in keys if key)]
    parts += [words_of(line) for text in dict.fromkeys(texts) for line in text.splitlines()]
    return " ".join(dict.fromkeys(" ".join(parts).split()))


class OrderWordsManager(models.Manager["OrderWords"]):
    """Manager that keeps the words up to date. Whoever changes a text of a placed order calls it."""

    def add_order(self, order: Any, items: Iterable[Any]) -> None:
        """Store the words of an order that is being placed."""
        insert_row(OrderWords(order=order, words=words_of_order(order, items)))

    def store(self, orders: "models.QuerySet[Any]") -> int:
        """Make the words of these placed orders again, and return their number."""
        pks = list(orders.order_by("pk").values_list("pk", flat=True))
        model = orders.model
        for first in range(0, len(pks), CHUNK):
            self._store_chunk(model.objects.filter(pk__in=pks[first : first + CHUNK]))
        return len(pks)

    def store_missing(self) -> int:
        """Store the words of some placed orders that have none, because an earlier version placed them."""
        orders: Any = self.model._meta.get_field("order").related_model
        missing = orders.objects.placed().filter(search_words=None).values_list("pk", flat=True)
        return self.store(orders.objects.filter(pk__in=list(missing[:CHUNK])))

    def forget(self, orders: "models.QuerySet[Any]") -> None:
        """Make the words of erased orders again, also in the index.

        SQLite keeps deleted words in parts of the index until it merges them.
        """
        self.store(orders)
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO orders_search(orders_search) VALUES ('optimize')")

    @transaction.atomic
    def _store_chunk(self, orders: "models.QuerySet[Any]") -> None:
        """Store the words of locked orders, so that nothing that is added at the same time gets lost."""
        locked = orders.order_by("pk").select_for_update().prefetch_related("items", "shipments")
        rows = [
            OrderWords(
                order=order,
                words=words_of_order(order, order.items.all(), [row.tracking for row in order.shipments.all()]),
            )
            for order in locked
        ]
        self.bulk_create(rows, update_conflicts=True, unique_fields=["order"], update_fields=["words"])


class OrderWords(models.Model):
    """The words under which a placed order is found. The database has an index of them."""

    order = models.OneToOneField(
        "orders.Order", models.CASCADE, primary_key=True, related_name="search_words", verbose_name=_("order")
    )
    words = models.TextField(editable=False)

    objects = OrderWordsManager()

    class Meta:
        verbose_name = _("search words of an order")
        verbose_name_plural = _("search words of orders")

    def __str__(self) -> str:
        return f"#{self.pk}"
