"""The tag for links to categories that keep words and filters: {% load product_lists %}{% category_url form item %}."""

from django import template

from products.filters import FilterForm
from products.models import Category

register = template.Library()


@register.simple_tag
def category_url(form: FilterForm, category: Category | None = None) -> str:
    """Return the URL of the list with this category, or with all, and with the words and filters of the form."""
    return form.url_of_category(category)
