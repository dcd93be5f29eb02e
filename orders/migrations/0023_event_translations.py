"""Add the texts of events in other languages than that of the order."""

from django.db import migrations, models

from core.database.operations import AddFieldInPlace


class Migration(migrations.Migration):
    """Add OrderEvent.translations."""

    dependencies = [("orders", "0022_lost_orders")]

    operations = [
        AddFieldInPlace(
            "orderevent",
            "translations",
            models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text="By the language code.",
                verbose_name="text in other languages",
            ),
        ),
    ]
