"""Template tags for what differs between visitors on shared pages, available in all templates without `{% load %}`."""

from typing import Any

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from core.page_cache import placeholders
from core.page_cache.requests import SharedRequest, to_arguments

register = template.Library()


@register.simple_tag(takes_context=True)
def part(context: Context, path: str, **values: Any) -> SafeString:
    """Render a snippet for each visitor: {% part "carts/snippets/cart_update.html" product_id=product.pk %}.

    A stored page keeps only the path and the arguments, with the primary keys of rows. So the snippet may use only its
    arguments and the variables of the context processors.
    """
    request, arguments = context.get("request"), to_arguments(values)
    if isinstance(request, SharedRequest) and request.is_recording:
        return request.add_placeholder(path, arguments)
    return placeholders.render_part(path, context, arguments)


@register.simple_tag(takes_context=True)
def value(context: Context, name: str) -> SafeString:
    """Return a registered value for each visitor: {% value "item_count" %}. It is empty on pages without a request."""
    request = context.get("request")
    if isinstance(request, SharedRequest) and request.is_recording:
        return request.add_placeholder(name)
    return placeholders.compute_value(name, request) if request else SafeString()
