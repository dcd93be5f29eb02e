"""Indexes for the list of orders, for exports and for sales by day."""

from django.db import migrations, models

from core.database.operations import AddIndexOnline


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("orders", "0012_search_index")]

    operations = [
        AddIndexOnline(model_name="order", index=models.Index(fields=["-placed_at", "-id"], name="order_newest")),
        AddIndexOnline(model_name="order", index=models.Index(fields=["paid_at"], name="order_paid")),
    ]
