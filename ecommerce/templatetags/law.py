"""The tag for the list “Before you open”: {% load law %}{% before_opening as reports %}."""

from django import template
from django.template import Context

from ecommerce.law.report import Reports, cached_reports

register = template.Library()
PERMISSION = "core.change_shop"


@register.simple_tag(takes_context=True)
def before_opening(context: Context) -> Reports | None:
    """Return what the shop is missing, or None if this member of staff cannot change the shop."""
    return cached_reports() if context["request"].user.has_perm(PERMISSION) else None
