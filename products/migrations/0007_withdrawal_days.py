"""Add the withdrawal period of products. The table keeps the triggers of the search on SQLite."""

from django.db import migrations, models

from core.database.operations import AddFieldInPlace


class Migration(migrations.Migration):
    """Add Product.withdrawal_days and Product.withdrawal_exclusion."""

    dependencies = [("products", "0006_page_versions")]

    operations = [
        AddFieldInPlace(
            "product",
            "withdrawal_days",
            models.PositiveSmallIntegerField(
                db_default=14,
                default=14,
                help_text="At least 14. Enter 0 only for items that the law excludes from the right of withdrawal.",
                verbose_name="withdrawal period in days",
            ),
        ),
        AddFieldInPlace(
            "product",
            "withdrawal_exclusion",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Shown to shoppers before they buy. Only for a period of 0 days.",
                max_length=200,
                verbose_name="reason without right of withdrawal",
            ),
        ),
    ]
