"""Add what a shopper can add to an order: a phone number, a note to the shop and a gift message."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add Order.phone, Order.buyer_note and Order.gift_message."""

    dependencies = [("orders", "0024_rows_by_time")]

    operations = [
        migrations.AddField(
            "order",
            "phone",
            models.CharField(blank=True, db_default="", default="", max_length=30, verbose_name="phone number"),
        ),
        migrations.AddField(
            "order",
            "buyer_note",
            models.TextField(blank=True, db_default="", default="", max_length=500, verbose_name="note from the buyer"),
        ),
        migrations.AddField(
            "order",
            "gift_message",
            models.TextField(blank=True, db_default="", default="", max_length=300, verbose_name="gift message"),
        ),
    ]
