"""Add the part of a refund that returns the price of delivery, and the event of units that are back in stock."""

from decimal import Decimal

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add a column to refunds and a kind of order event."""

    dependencies = [("orders", "0019_customer_notes")]

    operations = [
        migrations.AddField(
            "refund",
            "delivery",
            models.DecimalField(
                db_default=Decimal(0),
                decimal_places=2,
                default=Decimal(0),
                help_text="The part of the amount that returns the price of delivery.",
                max_digits=18,
                verbose_name="refunded delivery",
            ),
        ),
        migrations.AlterField(
            "orderevent",
            "kind",
            models.CharField(
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
                    ("restocked", "Units returned to stock"),
                    ("mismatch", "We received a payment that does not match this order and are refunding it"),
                    ("inquiry", "The bank asked about the payment"),
                    ("disputed", "The payment was disputed with the bank"),
                    ("dispute_updated", "The bank's case about the payment was updated"),
                    ("dispute_closed", "The bank's case about the payment was closed"),
                    ("told_staff", "Our staff were asked to check this order"),
                    ("looked_at", "Our staff checked this order"),
                    ("corrected", "Our staff corrected this order"),
                    ("mailed_again", "An email was sent again"),
                    ("links_revoked", "Links in earlier emails no longer open this order"),
                    ("forgotten", "Name, email and address were removed"),
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
    ]
