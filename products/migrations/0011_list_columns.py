"""Add what lists show of the group of a product, and how often it was bought lately."""

from django.db import migrations, models

from core.database.operations import AddFieldInPlace


class Migration(migrations.Migration):
    """Add Product.is_listed, lowest_price, highest_price and bought."""

    dependencies = [("products", "0010_movements_by_time")]

    operations = [
        AddFieldInPlace("product", "is_listed", models.BooleanField(db_default=False, default=False, editable=False)),
        AddFieldInPlace(
            "product",
            "lowest_price",
            models.DecimalField(db_default=0, decimal_places=2, default=0, editable=False, max_digits=10),
        ),
        AddFieldInPlace(
            "product",
            "highest_price",
            models.DecimalField(db_default=0, decimal_places=2, default=0, editable=False, max_digits=10),
        ),
        AddFieldInPlace("product", "bought", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
    ]
