"""Replace the indexes of lists by those with the columns by which lists are filtered now."""

from django.db import migrations, models

from core.database.operations import AddIndexOnline

FILTERED = ["lowest_price", "highest_price", "price", "stock", "group", "is_listed", "active"]
INDEXES = {
    "list_newest": ["-timestamp", "-id", "category", *FILTERED],
    "list_price": ["lowest_price", "id", "timestamp", "category", *FILTERED[1:]],
    "list_bought": ["-bought", "-id", "category", *FILTERED],
    "list_newest_in_category": ["category", "-timestamp", "-id", *FILTERED],
    "product_variants": ["group", "category", "active", "price", "stock"],
}
REPLACED = ["product_newest", "product_price", "product_newest_in_category", "product_group"]


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("products", "0012_fill_list_columns")]

    operations = [
        *(AddIndexOnline("product", models.Index(fields=fields, name=name)) for name, fields in INDEXES.items()),
        *(migrations.RemoveIndex("product", name) for name in REPLACED),
    ]
