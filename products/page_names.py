"""The names of the versions of catalog pages, besides SITE, on which every page depends."""

HOME = "home"  # moves with the sections of the home page
PRODUCTS = "products"  # moves with any product on sale


def product_name(slug: str) -> str:
    """Return the name of the version of one product page."""
    return f"product:{slug}"


def category_name(slug: str) -> str:
    """Return the name of the version that moves with any product of the category or of one below it."""
    return f"category:{slug}"
