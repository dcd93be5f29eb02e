"""Add the units that refunds are of, and the units that were shipped."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add Order.units_shipped and Refund.units."""

    dependencies = [("orders", "0007_unpaid_holds")]

    operations = [
        migrations.AddField("order", "units_shipped", models.JSONField(editable=False, null=True)),
        migrations.AddField(
            "refund",
            "units",
            models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text="Units by the ID of the order line.",
                verbose_name="refunded units",
            ),
        ),
    ]
