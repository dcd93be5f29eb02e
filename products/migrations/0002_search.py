"""Full-text search: generated columns of the products table on PostgreSQL, an FTS5 table on SQLite.

The database keeps both up to date. A later migration that changes title, sku or description must, on PostgreSQL, drop
the columns before the change and add them again after it. On SQLite, where Django copies the whole table, it must
create the triggers again.
"""

from django.db import migrations

# Remove accents and replace everything that is not a letter or a digit with a space, like products.search.split_words.
# Otherwise PostgreSQL would parse MC-101 as the letters mc and a negative number.
PLAIN = r"""regexp_replace(regexp_replace(normalize(left({}, 50000), NFKD), '[\u0300-\u036f]+', '', 'g'),
            '[^[:alnum:]]+', ' ', 'g')"""
TITLE, SKU, DESCRIPTION = (
    f"setweight(to_tsvector('english', {PLAIN.format(column)}), '{weight}')"
    for column, weight in (("title", "A"), ("sku", "A"), ("description", "C"))
)
POSTGRESQL = [
    f"""ALTER TABLE products_product
        ADD COLUMN search_title tsvector GENERATED ALWAYS AS ({TITLE} || {SKU}) STORED,
        ADD COLUMN search tsvector GENERATED ALWAYS AS ({TITLE} || {SKU} || {DESCRIPTION}) STORED""",
    "CREATE INDEX product_search_title ON products_product USING gin (search_title)",
    "CREATE INDEX product_search ON products_product USING gin (search)",
]
ADD = """INSERT INTO products_search(rowid, title, sku, description)
         VALUES (new.id, new.title, new.sku, new.description);"""
TAKE_OUT = """INSERT INTO products_search(products_search, rowid, title, sku, description)
              VALUES ('delete', old.id, old.title, old.sku, old.description);"""
SQLITE = [
    """CREATE VIRTUAL TABLE products_search USING fts5(title, sku, description,
       content='products_product', content_rowid='id', prefix='2 3', tokenize='porter unicode61 remove_diacritics 2')""",
    "INSERT INTO products_search(products_search, rank) VALUES ('rank', 'bm25(10.0, 10.0, 1.0)')",
    "INSERT INTO products_search(products_search) VALUES ('rebuild')",
    f"CREATE TRIGGER products_search_insert AFTER INSERT ON products_product BEGIN {ADD} END",
    f"CREATE TRIGGER products_search_delete AFTER DELETE ON products_product BEGIN {TAKE_OUT} END",
    f"""CREATE TRIGGER products_search_update AFTER UPDATE OF title, sku, description ON products_product
        WHEN old.title <> new.title OR old.sku <> new.sku OR old.description <> new.description
        BEGIN {TAKE_OUT} {ADD} END""",
]
UNDO = {
    "postgresql": [
        "ALTER TABLE products_product DROP COLUMN search, DROP COLUMN search_title",
    ],
    "sqlite": [
        "DROP TRIGGER products_search_insert",
        "DROP TRIGGER products_search_delete",
        "DROP TRIGGER products_search_update",
        "DROP TABLE products_search",
    ],
}


def run(editor, statements):
    with editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def forwards(apps, editor):
    run(editor, SQLITE if editor.connection.vendor == "sqlite" else POSTGRESQL)


def backwards(apps, editor):
    run(editor, UNDO[editor.connection.vendor])


class Migration(migrations.Migration):
    dependencies = [("products", "0001_initial")]

    operations = [migrations.RunPython(forwards, backwards)]
