"""Sort stock movements by time, with an index, and tell returned units from released ones."""

from django.db import migrations, models

from core.database.operations import AddIndexOnline


class Migration(migrations.Migration):
    """Add an index to stock movements, and a kind."""

    atomic = False

    dependencies = [("products", "0009_home_section")]

    operations = [
        migrations.AlterModelOptions(
            "stockmovement",
            {
                "ordering": ["-at", "-pk"],
                "verbose_name": "stock movement",
                "verbose_name_plural": "stock movements",
            },
        ),
        migrations.AlterField(
            "stockmovement",
            "kind",
            models.CharField(
                choices=[
                    ("opening", "Opening stock"),
                    ("taken", "Reserved by an order"),
                    ("given_back", "Released by an order"),
                    ("returned", "Returned after a refund"),
                    ("adjusted", "Changed by staff"),
                ],
                max_length=12,
                verbose_name="kind",
            ),
        ),
        AddIndexOnline(model_name="stockmovement", index=models.Index(fields=["at"], name="stock_movement_by_time")),
    ]
