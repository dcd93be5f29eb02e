"""An index with which staff find the orders that were paid with a card."""

from django.db import migrations, models

from core.database.operations import AddIndexOnline


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("billing", "0007_abuse_limits")]

    operations = [
        AddIndexOnline(model_name="card", index=models.Index(fields=["last4"], name="card_last_digits")),
    ]
