"""Template tags about guests."""

from typing import Any

from django import template
from django.template import RequestContext

from orders.workflow.start_afresh import has_guest_data

register = template.Library()


@register.inclusion_tag("orders/snippets/start_afresh.html", takes_context=True)
def start_afresh(context: RequestContext) -> dict[str, Any]:
    """Show the button "Not you? Start afresh" to guests whose details or orders are in the session."""
    request = context["request"]
    return {"is_shown": has_guest_data(request), "csrf_token": context.get("csrf_token")}
