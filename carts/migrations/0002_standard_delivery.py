"""A new shop delivers everywhere; staff change the price and where to in the admin."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import migrations

from core.money import decimals


def add_standard_delivery(apps: Any, schema_editor: Any) -> None:
    units = 1 if decimals(settings.CURRENCY) else 100  # what costs 4.95 in pounds costs hundreds in yen
    methods = apps.get_model("carts", "ShippingMethod").objects.using(schema_editor.connection.alias)
    methods.create(title="Standard delivery", price=Decimal("4.95") * units, free_from=Decimal(75) * units)


class Migration(migrations.Migration):
    dependencies = [("carts", "0001_initial")]
    operations = [migrations.RunPython(add_standard_delivery, migrations.RunPython.noop)]
