"""Fill what lists show of the group of a product. It is safe to run this again."""

from django.db import migrations, transaction
from django.db.models import Max

BATCH = 10_000  # ids of rows that one transaction writes
UPDATE = """
    UPDATE products_product
    SET is_listed = facts.is_listed, lowest_price = facts.lowest_price, highest_price = facts.highest_price
    FROM (
        SELECT id, active AND row_number() OVER (variants ORDER BY sku) = 1 AS is_listed,
               min(price) OVER variants AS lowest_price, max(price) OVER variants AS highest_price
        FROM products_product
        WINDOW variants AS (
            PARTITION BY category_id, "group", CASE WHEN active AND "group" <> '' THEN 0 ELSE id END
        )
    ) AS facts
    WHERE products_product.id = facts.id AND products_product.id BETWEEN %s AND %s
      AND (products_product.is_listed <> facts.is_listed OR products_product.lowest_price <> facts.lowest_price
           OR products_product.highest_price <> facts.highest_price)
"""


def fill(apps, editor):
    alias = editor.connection.alias
    last = apps.get_model("products", "Product").objects.using(alias).aggregate(last=Max("pk"))["last"] or 0
    for first in range(0, last + 1, BATCH):
        with transaction.atomic(using=alias), editor.connection.cursor() as cursor:
            cursor.execute(UPDATE, [first, first + BATCH - 1])


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("products", "0011_list_columns")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
