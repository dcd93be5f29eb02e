"""Add the reason for which staff changed a stock."""

from django.db import migrations, models

from core.database.operations import AddFieldInPlace


class Migration(migrations.Migration):
    """Add StockMovement.reason."""

    dependencies = [("products", "0007_withdrawal_days")]

    operations = [
        AddFieldInPlace(
            "stockmovement",
            "reason",
            models.CharField(
                blank=True,
                choices=[
                    ("delivery", "Goods received"),
                    ("count", "Stocktake"),
                    ("loss", "Broken or lost"),
                    ("other", "Something else"),
                ],
                db_default="",
                default="",
                max_length=12,
                verbose_name="reason",
            ),
        ),
    ]
