"""The index of the words of orders: an FTS5 table on SQLite, a generated column on PostgreSQL.

The database keeps it up to date with the column `words`. A later migration that changes this column must, on
PostgreSQL, drop the generated column before the change and add it again after it. On SQLite, where Django can copy the
whole table, it must create the triggers again.
"""

from django.db import migrations

WORDS = "array_to_tsvector(array_remove(string_to_array(words, ' ', ''), NULL))"
ADD = "INSERT INTO orders_search(rowid, words) VALUES (new.order_id, new.words);"
TAKE_OUT = "INSERT INTO orders_search(orders_search, rowid, words) VALUES ('delete', old.order_id, old.words);"
STATEMENTS = {
    "postgresql": [
        f"ALTER TABLE orders_orderwords ADD COLUMN search tsvector GENERATED ALWAYS AS ({WORDS}) STORED",
        "CREATE INDEX order_search ON orders_orderwords USING gin (search)",
    ],
    "sqlite": [
        # The tokenizer splits at spaces and treats all characters that are not ASCII as letters.
        """CREATE VIRTUAL TABLE orders_search USING fts5(words, content='orders_orderwords', content_rowid='order_id',
           prefix='2 3', detail='none', tokenize='ascii')""",
        "INSERT INTO orders_search(orders_search) VALUES ('rebuild')",
        f"CREATE TRIGGER orders_search_insert AFTER INSERT ON orders_orderwords BEGIN {ADD} END",
        f"CREATE TRIGGER orders_search_delete AFTER DELETE ON orders_orderwords BEGIN {TAKE_OUT} END",
        f"""CREATE TRIGGER orders_search_update AFTER UPDATE OF words ON orders_orderwords
            WHEN old.words <> new.words BEGIN {TAKE_OUT} {ADD} END""",
    ],
}
UNDO = {
    "postgresql": ["ALTER TABLE orders_orderwords DROP COLUMN search"],
    "sqlite": [
        *(f"DROP TRIGGER orders_search_{event}" for event in ("insert", "delete", "update")),
        "DROP TABLE orders_search",
    ],
}


def run(editor, statements):
    with editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def forwards(apps, editor):
    run(editor, STATEMENTS[editor.connection.vendor])


def backwards(apps, editor):
    run(editor, UNDO[editor.connection.vendor])


class Migration(migrations.Migration):

    dependencies = [("orders", "0011_search_words")]

    operations = [migrations.RunPython(forwards, backwards)]

    reviewed = {"batches": "The table is new and empty."}
