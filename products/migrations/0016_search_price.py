"""Index the products in a price range, with the columns by which searches and lists are sorted."""

from django.db import migrations, models

from core.database.operations import AddIndexOnline

COLUMNS = ["price", "category", "active", "stock", "lowest_price", "timestamp", "bought"]


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("products", "0015_search_filters")]

    operations = [AddIndexOnline("product", models.Index(fields=COLUMNS, name="search_price"))]
