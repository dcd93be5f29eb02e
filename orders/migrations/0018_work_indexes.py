"""Indexes for the numbers on the home page of the admin."""

from django.db import migrations, models
from django.db.models import Q

from core.database.operations import AddIndexOnline


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("orders", "0017_corrections")]

    operations = [
        AddIndexOnline(
            model_name="order",
            index=models.Index(fields=["placed_at"], condition=~Q(attention=""), name="order_attention"),
        ),
        AddIndexOnline(model_name="refund", index=models.Index(fields=["timestamp"], name="refund_by_time")),
        AddIndexOnline(
            model_name="refund",
            index=models.Index(fields=["payment"], condition=Q(status="failed"), name="refund_failed"),
        ),
        AddIndexOnline(
            model_name="mail",
            index=models.Index(fields=["dropped"], condition=~Q(refusal=""), name="mail_refused"),
        ),
    ]
