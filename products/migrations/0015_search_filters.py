"""Let a search read less to filter its matches.

SQLite finds in the index `search_matches` what a search reads of each match: now also the price and the stock. On
PostgreSQL, long rows keep their texts and words outside the row, so that a search reads fewer pages for its matches.
That applies to rows from their next change on, and to all after VACUUM FULL, which locks the table.
"""

from importlib import import_module

from django.db import migrations

old = import_module("products.migrations.0014_search_index")

CREATE = """CREATE INDEX search_matches
    ON products_product (id, active, lowest_price, timestamp, bought, category_id, "group", price, stock)"""


def forwards(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP INDEX search_matches")
        editor.execute(CREATE)
    else:
        editor.execute("ALTER TABLE products_product SET (toast_tuple_target = 128)")


def backwards(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP INDEX search_matches")
        editor.execute(old.CREATE)
    else:
        editor.execute("ALTER TABLE products_product RESET (toast_tuple_target)")


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("products", "0014_search_index")]

    operations = [migrations.RunPython(forwards, backwards)]
