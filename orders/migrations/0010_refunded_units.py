"""Add the units of refunds and shipments, refunds of withdrawals, and what the withdrawal period depends on."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Add columns to orders, their lines and refunds."""

    dependencies = [("orders", "0009_withdrawals")]

    operations = [
        migrations.AddField("order", "units_shipped", models.JSONField(editable=False, null=True)),
        migrations.AddField(
            "order",
            "delivery_days",
            models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="longest delivery time in days"),
        ),
        migrations.AddField(
            "orderitem",
            "withdrawal_days",
            models.PositiveSmallIntegerField(db_default=14, default=14, verbose_name="withdrawal period in days"),
        ),
        migrations.AddField(
            "orderitem",
            "withdrawal_exclusion",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                max_length=200,
                verbose_name="reason without right of withdrawal",
            ),
        ),
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
        migrations.AddField(
            "refund",
            "withdrawal",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunds",
                to="orders.withdrawal",
                verbose_name="withdrawal",
            ),
        ),
    ]
