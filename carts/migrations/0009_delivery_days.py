"""Add the longest delivery time of shipping methods."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """Add ShippingMethod.longest_days."""

    dependencies = [("carts", "0008_wrong_codes")]

    operations = [
        migrations.AddField(
            "shippingmethod",
            "longest_days",
            models.PositiveSmallIntegerField(
                blank=True,
                help_text="The withdrawal period begins that long after shipping. Leave empty for 14 days.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(366)],
                verbose_name="longest delivery time in days",
            ),
        ),
    ]
