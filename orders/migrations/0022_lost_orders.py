"""Leave earlier orders out of the orders to ship if nothing is left of their payment after a lost dispute.

The migration can run again.
"""

from django.db import migrations, transaction

CHUNK = 500


def mark_lost_orders(apps, schema_editor):
    orders = apps.get_model("orders", "Order").objects.filter(status="paid", amount_lost__gt=0).order_by("pk")
    last = 0
    while rows := list(orders.filter(pk__gt=last)[:CHUNK]):
        # The sums are computed here because SQLite does this arithmetic in floating point.
        lost = [row.pk for row in rows if row.amount_refunded + row.amount_lost >= row.total]
        with transaction.atomic(using=schema_editor.connection.alias):
            orders.filter(pk__in=lost).order_by().update(has_nothing_to_ship=True)
        last = rows[-1].pk


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orders", "0021_orders_to_ship")]

    operations = [migrations.RunPython(mark_lost_orders, migrations.RunPython.noop)]
