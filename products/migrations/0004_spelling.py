"""The words of titles, by which the search corrects misspelled words. They replace PostgreSQL's trigrams."""

from django.db import migrations, models

from core.text.letters import keys_of, words_with_letters

CHUNK = 1000


def learn_titles(apps, editor):
    spelling = apps.get_model("products", "Spelling")
    products = apps.get_model("products", "Product").objects.using(editor.connection.alias)
    stored, last = set(), 0
    while rows := list(products.filter(pk__gt=last).order_by("pk").values_list("pk", "title")[:CHUNK]):
        letters = words_with_letters(title for _pk, title in rows)
        new = [spelling(key=key, word=word) for word in letters.keys() - stored for key in keys_of(letters[word])]
        spelling.objects.using(editor.connection.alias).bulk_create(new, CHUNK)
        stored |= letters.keys()
        last = rows[-1][0]


def drop_trigrams(apps, editor):
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP INDEX IF EXISTS product_title_trigrams")


class Migration(migrations.Migration):

    dependencies = [("products", "0003_words")]

    operations = [
        migrations.CreateModel(
            name="Spelling",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=30)),
                ("word", models.CharField(max_length=30)),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("key", "word"), name="spelling_once")]},
        ),
        migrations.RunPython(drop_trigrams, migrations.RunPython.noop),
        migrations.RunPython(learn_titles, migrations.RunPython.noop),
    ]
