"""An invented German bookshop, in place of the sample shop. `fill` writes it into an empty database."""

import importlib.util
from decimal import Decimal
from typing import Any

from products.models import Category, Product
from tests.makers import make_shop

FACTS: dict[str, Any] = {
    "name": "Nordlicht Bücher",
    "tagline": "Unabhängige Buchhandlung in Bremen",
    "description": "Romane, Sachbücher und Kinderbücher aus kleinen Verlagen.",
    "home_title": "Lesen, was andere nicht haben",
    "home_text": "Wir wählen jedes Buch selbst aus und verschicken es am nächsten Werktag.",
    "sender_name": "Nordlicht Bücher",
    "support_hours": "Mo–Fr 10–18 Uhr",
    "dispatch_days": 1,
    "legal_name": "Nordlicht Bücher GmbH",
    "street": "Deichweg 3",
    "postcode": "28195",
    "city": "Bremen",
    "country": "DE",
    "email": "post@nordlicht.example",
    "phone": "+49 421 000000",
    "register": "Amtsgericht Bremen",
    "register_number": "HRB 00000",
    "vat_id": "DE123456789",
    "responsible_person": "Frauke Beispiel",
    "disputes": "refuses",
}
BOOKS = [
    ("Romane", "Die Fähre nach Norden", "Ein Roman über zwei Schwestern und einen Hafen.", "22.00"),
    ("Romane", "Sieben Winter", "Eine Familie hört auf zu schweigen. Gebunden, 320 Seiten.", "24.00"),
    ("Sachbücher", "Kleine Geschichte des Deichbaus", "Wie Menschen dem Meer Grenzen setzten.", "28.00"),
    ("Kinderbücher", "Möwe Momo zählt bis zehn", "Ein Pappbilderbuch ab zwei Jahren.", "12.00"),
]
# Kind, title and Markdown
PAGES = [
    ("imprint", "Impressum", "Angaben der Buchhandlung nach § 5 DDG."),
    ("terms", "Allgemeine Geschäftsbedingungen", "Für alle Bestellungen gelten diese Bedingungen."),
    ("privacy", "Datenschutz", "Wir speichern nur, was wir für Ihre Bestellung brauchen."),
    ("withdrawal", "Widerrufsbelehrung", "Sie können den Vertrag binnen vierzehn Tagen widerrufen."),
    ("delivery", "Versand", "Wir verschicken Bücher innerhalb von Deutschland."),
    ("contact", "Kontakt", "Schreiben Sie uns oder rufen Sie an."),
    ("accessibility", "Barrierefreiheit", "Unser Laden ist auch mit Tastatur und Vorleseprogramm bedienbar."),
]


def fill() -> None:
    """Write the shop, its products and its pages."""
    make_shop(**FACTS)
    for number, (category, title, description, price) in enumerate(BOOKS, start=1):
        row, _created = Category.objects.get_or_create(title=category)
        Product.objects.create(
            sku=f"NB-{number}", title=title, description=description, category=row, price=Decimal(price), stock=20
        )
    fill_pages()


def has_pages() -> bool:
    """Return whether this release has pages that staff write."""
    return importlib.util.find_spec("core.pages") is not None


def fill_pages() -> None:
    """Write and publish the legal pages, if this release has pages that staff write."""
    if not has_pages():
        return
    models, publishing = (importlib.import_module(f"core.pages.{name}") for name in ("models", "publishing"))
    for kind, title, draft in PAGES:
        column = "shop" if kind == "delivery" else "company"
        row = models.Page.objects.create(kind=kind, language="de", slug=kind, title=title, draft=draft, column=column)
        publishing.publish(row)
