"""Template tags about the visitor's cart."""

from django import template
from django.template import Context

from carts.models import Cart

register = template.Library()


@register.simple_tag(takes_context=True)
def quantity_in_cart(context: Context, product_id: int) -> int:
    """Return the quantity of a product in the visitor's cart, or 0.

    There is no query if the view has read it together with the product, or if the session has no cart.
    """
    return Cart.objects.quantity_of(product_id, context["request"])
