"""Store a shipment for each order that is shipped already.

Orders that were shipped before their units were stored shipped all units. The migration can run again: it leaves out
orders with a shipment.
"""

from django.db import migrations, transaction

CHUNK = 500


def add_shipments(apps, schema_editor):
    Order = apps.get_model("orders", "Order")
    missing = Order.objects.exclude(shipped_at=None).filter(shipments=None).order_by("pk")
    last = 0
    while pks := list(missing.filter(pk__gt=last).values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic(using=schema_editor.connection.alias):
            _add_chunk(apps, missing.filter(pk__in=pks))
        last = pks[-1]


def _add_chunk(apps, orders):
    Shipment, OrderEvent = apps.get_model("orders", "Shipment"), apps.get_model("orders", "OrderEvent")
    orders = list(orders.prefetch_related("items"))
    events = OrderEvent.objects.filter(order__in=orders, kind="shipped")
    packers = dict(events.order_by("pk").values_list("order", "by"))
    Shipment.objects.bulk_create(
        Shipment(
            order=order,
            number=1,
            units=_units_of(order),
            tracking=order.tracking,
            shipped_at=order.shipped_at,
            by=packers.get(order.pk, ""),
        )
        for order in orders
    )


def _units_of(order):
    if order.units_shipped is not None:
        return order.units_shipped
    return {str(item.pk): item.quantity for item in order.items.all()}


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orders", "0014_shipments")]

    operations = [migrations.RunPython(add_shipments, migrations.RunPython.noop)]
