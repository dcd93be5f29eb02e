"""Indexes for the lists of shipments and emails, newest first."""

from django.db import migrations, models

from core.database.operations import AddIndexOnline


class Migration(migrations.Migration):
    """Add an index by time to shipments and emails."""

    atomic = False

    dependencies = [("orders", "0023_event_translations")]

    operations = [
        AddIndexOnline(model_name="shipment", index=models.Index(fields=["shipped_at"], name="shipment_by_time")),
        AddIndexOnline(model_name="mail", index=models.Index(fields=["timestamp"], name="mail_by_time")),
    ]
