import django.db.models.deletion
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0002_checksum"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="amount_lost",
            field=models.DecimalField(
                decimal_places=2, default=Decimal("0"), max_digits=18, verbose_name="lost in disputes"
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
                    ("shipped", "Order shipped"),
                    ("mailed", "Confirmation sent by email"),
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
                    ("forgotten", "The account was deleted: name, email and address were removed"),
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stripe_id", models.CharField(max_length=120, unique=True, verbose_name="Stripe dispute")),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18, verbose_name="amount")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("reason", models.CharField(blank=True, max_length=80, verbose_name="reason")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("warning_needs_response", "Inquiry: needs a response"),
                            ("warning_under_review", "Inquiry: under review"),
                            ("warning_closed", "Inquiry closed"),
                            ("needs_response", "Needs a response"),
                            ("under_review", "Under review"),
                            ("appeal_needs_response", "Appeal: needs a response"),
                            ("appeal_under_review", "Appeal: under review"),
                            ("won", "Won"),
                            ("lost", "Lost"),
                            ("prevented", "Prevented"),
                        ],
                        max_length=40,
                        verbose_name="dispute status",
                    ),
                ),
                (
                    "is_lost",
                    models.BooleanField(
                        default=False,
                        help_text="The disputed amount went back to the cardholder.",
                        verbose_name="money lost",
                    ),
                ),
                ("due", models.DateTimeField(blank=True, null=True, verbose_name="respond by")),
                ("opened", models.DateTimeField(verbose_name="opened")),
                ("closed", models.DateTimeField(blank=True, null=True, verbose_name="closed")),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="disputes",
                        to="orders.order",
                        verbose_name="order",
                    ),
                ),
            ],
            options={
                "verbose_name": "dispute",
                "verbose_name_plural": "disputes",
                "ordering": ["pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(
                            ("status__in", ["warning_closed", "won", "lost", "prevented"]), _negated=True
                        ),
                        fields=["order"],
                        name="dispute_open",
                    )
                ],
            },
        ),
    ]
