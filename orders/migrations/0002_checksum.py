from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RenameField("order", "seal", "checksum"),
        migrations.AlterField(
            "order",
            "checksum",
            models.CharField(
                blank=True,
                editable=False,
                help_text="Checksum of everything that is frozen when the order is placed.",
                max_length=80,
            ),
        ),
    ]
