"""Remove what shipments store now: the units and the tracking number of an order.

The previous version still reads the tracking number while the shop is updated, so the column stays for one release.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0015_shipments_of_shipped_orders")]

    operations = [
        migrations.AlterField(
            "order",
            "tracking",
            models.CharField(blank=True, db_default="", default="", max_length=60, verbose_name="tracking number"),
        ),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("order", "tracking")]),
        migrations.RemoveField("order", "units_shipped"),
    ]
