"""Products, users and pricing rules for the abuse tests. Run as a script to migrate and fill an empty database."""

from datetime import UTC, datetime
from typing import Any

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}{% now %}"
OWNER, VICTIM = "owner@example.org", "victim@example.org"
STAFF, SUPERUSER = "staff@example.org", "boss@example.org"
PRODUCTS: dict[str, dict[str, Any]] = {
    "mug": {"title": "Mug", "price": "16.00", "stock": 100_000},
    "pot": {"title": "Pot", "price": "30.00"},
    "stale": {"title": "Stale loaf", "price": "20.00"},
    "crumb": {"title": "Crumb", "price": "0.10"},
    "gone": {"title": "Gone for good", "price": "5.00", "active": False},
    "deleted": {"title": "Deleted", "price": "5.00"},
    "markup": {"title": MARKUP, "price": "7.00", "description": MARKUP},
}
CODES: dict[str, dict[str, Any]] = {
    "TEN": {},
    "HALF": {"value": 50},
    "ONCE": {"value": 50, "uses_limit": 1},
    "FADING": {"value": 50},
    "SPENT": {"uses_limit": 0},
    "RETIRED": {"active": False},
    "SOON": {"starts": datetime(9999, 1, 1, tzinfo=UTC)},
    "ENDED": {"ends": datetime(2020, 1, 1, tzinfo=UTC)},
    "RICH": {"minimum": 1000},
}
METHODS: dict[str, dict[str, Any]] = {
    "Express": {"price": 5},
    "Mail boat": {"price": 1, "countries": "IE"},
    "Pigeon": {"price": 0, "active": False},
}


def create_data() -> None:
    """Create products, users, discount codes and shipping methods. The standard method is free."""
    # Models can be imported only after django.setup().
    from accounts.models import User
    from carts.models.rates import ShippingMethod
    from products.models import Category, Product
    from tests.makers import PASSWORD, make_discount, set_standard_delivery

    set_standard_delivery("0")
    for title, fields in METHODS.items():
        ShippingMethod.objects.create(title=title, position=1, **fields)
    for code, fields in CODES.items():
        make_discount(code, **fields)
    category = Category.objects.create(title=MARKUP[:80])
    for sku, fields in PRODUCTS.items():
        Product.objects.create(sku=sku, category=category, **fields)
    Product.objects.get(sku="deleted").delete()
    for email in (OWNER, VICTIM):
        User.objects.create_user(email, PASSWORD, name=MARKUP[:120])
    for email in (STAFF, SUPERUSER):
        User.objects.create_superuser(email, PASSWORD)


if __name__ == "__main__":
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    create_data()
