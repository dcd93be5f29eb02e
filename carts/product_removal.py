"""Deletion of products that were never ordered, with the lines of carts that contain them."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction

from carts.models import Cart, CartItem
from core.page_cache.versions import collect_touches
from products.models import Product


@transaction.atomic
@collect_touches()
def delete_products(pks: Iterable[int]) -> None:
    """Delete these products and note their titles in the carts that contain them, so that the shoppers are told.

    Raise ProtectedError and change nothing if an order contains one of them. Carts are locked before products, as when
    an order is placed, so a product is either deleted or sold.
    """
    pks = list(pks)
    lines = CartItem.objects.filter(product__in=pks)
    carts = list(Cart.objects.filter(pk__in=lines.values("cart")).order_by("pk").select_for_update())
    titles = defaultdict(list)
    for cart_pk, title in lines.order_by("pk").values_list("cart", "product__title"):
        titles[cart_pk].append(title)
    for cart in carts:
        cart.add_removed_products(titles[cart.pk])
    lines.filter(cart__in=carts).delete()
    Product.objects.filter(pk__in=pks).lock()
    for product in Product.objects.filter(pk__in=pks).order_by("pk").select_for_update():
        product.delete()
