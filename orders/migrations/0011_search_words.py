import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("orders", "0010_refunded_units")]

    operations = [
        migrations.CreateModel(
            name="OrderWords",
            fields=[
                ("order", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="search_words", serialize=False, to="orders.order", verbose_name="order")),
                ("words", models.TextField(editable=False)),
            ],
            options={"verbose_name": "search words of an order", "verbose_name_plural": "search words of orders"},
        ),
        migrations.AlterModelOptions(
            name="order",
            options={"ordering": ["-pk"], "permissions": [("refund_order", "Can refund orders"), ("ship_order", "Can ship orders"), ("export_order", "Can export orders")], "verbose_name": "order", "verbose_name_plural": "orders"},
        ),
    ]
