"""Add carriers and shipments."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import orders.models.shipping.carrier


class Migration(migrations.Migration):
    dependencies = [("orders", "0013_order_list")]

    operations = [
        migrations.CreateModel(
            name="Carrier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, unique=True, verbose_name="name")),
                (
                    "tracking_pattern",
                    models.CharField(
                        blank=True,
                        help_text="Where shoppers follow a shipment, with {number} for the tracking number, such as https://track.example.com/?id={number}. Leave empty if the carrier has no such page.",
                        max_length=200,
                        validators=[orders.models.shipping.carrier.validate_tracking_pattern],
                        verbose_name="tracking URL",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "active",
                    models.BooleanField(
                        default=True, help_text="Can be chosen for new shipments.", verbose_name="active"
                    ),
                ),
            ],
            options={
                "verbose_name": "carrier",
                "verbose_name_plural": "carriers",
                "ordering": ["position", "name", "pk"],
            },
        ),
        migrations.AlterField(
            model_name="order",
            name="shipped_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the last unit was shipped, refunded or withdrawn. Empty while units are left to ship.",
                null=True,
                verbose_name="shipped",
            ),
        ),
        migrations.AlterField(
            model_name="orderevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("placed", "Order placed"),
                    ("paying", "Payment started"),
                    ("needs_action", "Your bank asked you to confirm"),
                    ("declined", "Payment failed"),
                    ("paid", "Paid"),
                    ("canceling", "Cancellation requested"),
                    ("canceled", "Order cancelled"),
                    ("part_shipped", "Part of the order shipped"),
                    ("shipped", "Order shipped"),
                    ("unshipped", "Items are left to ship again"),
                    ("delivered", "Delivered"),
                    ("mailed", "Confirmation sent by email"),
                    ("withdrawn", "Withdrawal received"),
                    ("refunding", "Refund requested"),
                    ("refunded", "Refunded"),
                    ("refund_failed", "The refund failed; our staff are looking into it"),
                    ("mismatch", "We received a payment that does not match this order and are refunding it"),
                    ("inquiry", "The bank asked about the payment"),
                    ("disputed", "The payment was disputed with the bank"),
                    ("dispute_updated", "The bank's case about the payment was updated"),
                    ("dispute_closed", "The bank's case about the payment was closed"),
                    ("told_staff", "Our staff were asked to check this order"),
                    ("looked_at", "Our staff checked this order"),
                    ("links_revoked", "Links in earlier emails no longer open this order"),
                    ("forgotten", "Name, email and address were removed"),
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.CreateModel(
            name="Shipment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="number within the order")),
                (
                    "units",
                    models.JSONField(help_text="Units by the ID of the order line.", verbose_name="shipped units"),
                ),
                (
                    "tracking",
                    models.CharField(
                        blank=True,
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9 ./-]*\\Z", "Use only letters, digits, spaces and - . / characters."
                            )
                        ],
                        verbose_name="tracking number",
                    ),
                ),
                ("shipped_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="shipped")),
                ("delivered_at", models.DateTimeField(blank=True, null=True, verbose_name="delivered")),
                ("by", models.CharField(blank=True, max_length=254, verbose_name="by")),
                (
                    "carrier",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shipments",
                        to="orders.carrier",
                        verbose_name="carrier",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shipments",
                        to="orders.order",
                        verbose_name="order",
                    ),
                ),
            ],
            options={
                "verbose_name": "shipment",
                "verbose_name_plural": "shipments",
                "ordering": ["order_id", "number"],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "number"), name="shipment_number_once_an_order")
                ],
            },
        ),
    ]
