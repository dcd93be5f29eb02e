"""What happens to carts when the browser forgets a guest. Their lines stay for the next person."""

from typing import Any, cast

from django.db.models import Field, Q
from django.http import HttpRequest

from carts.models import Cart
from carts.models.cart import CHOICE_FIELDS

# The numbers of restored orders go too: the next cart page would name an order of the guest.
NO_CHOICES: dict[str, Any] = {
    name: cast("Field[Any, Any]", Cart._meta.get_field(name)).get_default()
    for name in [*CHOICE_FIELDS, "restored_orders"]
}


def forget_choices(request: HttpRequest) -> None:
    """Remove what the guest chose for the visitor's cart: the destination, shipping method and discount code.

    Also remove the numbers of the guest's canceled orders, which the cart page would show to the next person. The cart
    of a user does not change.
    """
    if cart := Cart.objects.from_request(request):
        Cart.objects.filter(pk=cart.pk, active=True, user=None).update(**NO_CHOICES, billing_profile=None)


def forget_choices_of_orders(numbers: list[str]) -> None:
    """Remove the choices from the closed carts of these orders, so that a cancellation does not restore them."""
    Cart.objects.filter(orders__order_id__in=numbers, active=False).update(**NO_CHOICES)


def move_to_session(request: HttpRequest, unpaid: list[str]) -> None:
    """Give the visitor's cart the session key of this request, after the key has changed.

    The closed carts of the orders with the numbers `unpaid` get it too, because their lines can still come back.
    """
    visible = Q(pk=Cart.objects.stored_id(request) or 0, active=True) | Q(orders__order_id__in=unpaid, active=False)
    pks = list(Cart.objects.filter(visible, user=None).values_list("pk", flat=True))
    Cart.objects.filter(pk__in=pks, user=None).update(session_key=request.session.session_key)
