"""Index what a search reads of each match, on SQLite, where it would read the whole row otherwise.

PostgreSQL reads the rows of all matches in any case. A later migration for which Django copies the table must create the
index again on SQLite, as it must with the triggers of 0003_words.
"""

from django.db import migrations

CREATE = """CREATE INDEX search_matches
    ON products_product (id, active, lowest_price, timestamp, bought, category_id, "group")"""


def create_index(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute(CREATE)


def drop_index(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP INDEX search_matches")


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("products", "0013_list_indexes")]

    operations = [migrations.RunPython(create_index, drop_index)]
