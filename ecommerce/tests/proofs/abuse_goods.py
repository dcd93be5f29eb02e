"""What the abused shop sells and who is known there; run as a program it fills an empty database."""

from typing import Any

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}{% now %}"
OWNER, VICTIM = "owner@example.org", "victim@example.org"
STAFF, BOSS = "staff@example.org", "boss@example.org"
GOODS: dict[str, dict[str, Any]] = {
    "mug": {"title": "Mug", "price": "16.00", "stock": 100_000},
    "pot": {"title": "Pot", "price": "30.00"},
    "stale": {"title": "Stale loaf", "price": "20.00"},
    "crumb": {"title": "Crumb", "price": "0.10"},
    "gone": {"title": "Gone for good", "price": "5.00", "active": False},
    "deleted": {"title": "Deleted", "price": "5.00"},
    "markup": {"title": MARKUP, "price": "7.00", "description": MARKUP},
}


def furnish() -> None:
    """Products and people; delivery for nothing."""  # models are there only once Django is set up
    from accounts.models import User
    from ecommerce.tests.makers import PASSWORD, set_delivery
    from products.models import Category, Product

    set_delivery("0")
    shelf = Category.objects.create(title=MARKUP[:80])
    for sku, fields in GOODS.items():
        Product.objects.create(sku=sku, category=shelf, **fields)
    Product.objects.get(sku="deleted").delete()
    for email in (OWNER, VICTIM):
        User.objects.create_user(email, PASSWORD, name=MARKUP[:120])
    for email in (STAFF, BOSS):
        User.objects.create_superuser(email, PASSWORD)


if __name__ == "__main__":
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    furnish()
