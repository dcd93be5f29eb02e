"""Store which paid orders have no units left to ship, because of refunds and withdrawals."""

from django.db import migrations, models

from core.database.operations import AddFieldInPlace


class Migration(migrations.Migration):
    """Add a column to orders. None of the earlier orders can have been refunded or withdrawn by units."""

    dependencies = [("orders", "0020_refunded_delivery")]

    operations = [
        AddFieldInPlace(
            "order", "has_nothing_to_ship", models.BooleanField(db_default=False, default=False, editable=False)
        ),
    ]
