"""Work on products."""

from collections.abc import Iterator

from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecommerce.back_office.today.entry import Work, list_url, may_see
from products.models import Product


def stock(request: HttpRequest) -> Iterator[Work]:
    """Yield the numbers of products for sale that are sold out, and of those that are low on stock."""
    if not may_see(request, Product):
        return
    for_sale = Product.objects.active()
    scarce = for_sale.filter(stock=0) | for_sale.low_on_stock()
    found = scarce.aggregate(out=Count("pk", filter=Q(stock=0)), low=Count("pk", filter=~Q(stock=0)))
    label = ngettext("product is sold out", "products are sold out", found["out"])
    yield Work(found["out"], label, _("No product is sold out"), _url("out"))
    label = ngettext("product is low on stock", "products are low on stock", found["low"])
    yield Work(found["low"], label, _("No product is low on stock"), _url("low"))


def _url(state: str) -> str:
    return list_url(Product, attention=state, active__exact=1)
