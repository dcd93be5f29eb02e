"""Let a list of a category in another order be read from an index alone: add the units sold to its index."""

from django.db import migrations, models

from core.database.operations import AddIndexOnline

FILTERED = ["lowest_price", "highest_price", "price", "stock", "group", "is_listed", "active"]
INDEX = models.Index(fields=["category", "-timestamp", "-id", "bought", *FILTERED], name="list_in_category")


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("products", "0016_search_price")]

    operations = [AddIndexOnline("product", INDEX), migrations.RemoveIndex("product", "list_newest_in_category")]
