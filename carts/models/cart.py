"""Carts. A cart belongs to a session or a user, and carts are merged at sign-in."""

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Count, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import guest_session
from accounts.models import User
from billing.models import BillingProfile
from carts.models.capacity import CapacityMixin, fitting
from carts.models.item import CartItem
from carts.models.line_queries import AMOUNT, LINES, LINES_OF_ACTIVE_CART, TOTAL
from carts.models.rates import ShippingMethod
from carts.models.removed import RemovedProductsMixin
from carts.models.restored import RestoredOrdersMixin
from carts.models.session import CartSession
from core.columns import Columns
from products.models import Product, ProductQuerySet

NOTHING = Decimal(0)
CHOICE_FIELDS = ("country", "region", "shipping_method_id", "discount_code")


class CartManager(CartSession, models.Manager["Cart"]):
    """Finds the visitor's cart."""

    def from_request(self, request: HttpRequest, lock: bool = False) -> "Cart | None":
        """Return the visitor's active cart, or None. Write nothing, except to end a guest session that is over.

        With `lock`, the row is locked, so that no other transaction can close the cart.
        """
        guest_session.end_if_over(request)
        return self._for_session(request, lock) or self._for_visitor(request, lock)

    def with_lines(self, request: HttpRequest) -> tuple["Cart | None", list[CartItem]]:
        """Return what `from_request` returns, and the lines of the cart with their products.

        This is one statement if the session has a cart that is not empty.
        """
        guest_session.end_if_over(request)
        pk = self.stored_id(request)
        lines = LINES_OF_ACTIVE_CART.rows(cart=pk) if pk else []
        if lines and lines[0].cart.user_id in (None, request.user.pk):
            return lines[0].cart, lines
        cart = self.from_request(request)
        return cart, cart.lines() if cart else []

    def get_or_create_from_request(self, request: HttpRequest, lock: bool = False) -> tuple["Cart", bool]:
        """Return the visitor's active cart and whether it was created. Store its id and item count in the session."""
        if cart := self.from_request(request, lock):
            self.remember(request, cart)
            return cart, False
        return self.create_for_request(request)

    def create_for_request(self, request: HttpRequest, total: Decimal = NOTHING) -> tuple["Cart", bool]:
        """Create a cart for a visitor who has none, and store it in the session. `total` is that of its first line.

        Return the cart, locked if there is a transaction, and True. If a parallel request has just created one, return
        that cart and False.
        """
        cart, created = self._create(request, {"subtotal": total, "total": total})
        self.store(request, cart, count=0 if created else None)
        return cart, created

    def with_quantities(self, products: ProductQuerySet, cart_id: int) -> ProductQuerySet:
        """Annotate the products with `in_cart`, the quantity in this cart if it is active, or None."""
        lines = CartItem.objects.filter(cart_id=cart_id, cart__active=True, product=OuterRef("pk"))
        return products.annotate(in_cart=Subquery(lines.values("quantity")[:1]))  # type: ignore[no-redef]

    def with_line_counts(self, products: ProductQuerySet, cart_id: int) -> ProductQuerySet:
        """Annotate the products with `lines_in_cart`, the number of lines of this cart."""
        lines = CartItem.objects.filter(cart_id=cart_id).order_by().values("cart").annotate(count=Count("pk"))
        return products.annotate(lines_in_cart=Coalesce(Subquery(lines.values("count")), 0))

    @transaction.atomic
    def merge_on_login(self, request: HttpRequest, user: User) -> int:
        """Merge the session's cart into the user's cart, or assign it to the user if the user has no cart.

        Return how many items the user's cart already had, because the visitor might not remember them. Return 0 if
        the session had no items to merge.
        """
        session_cart = self._for_session(request)
        carts = self._locked(Q(pk=session_cart.pk if session_cart else 0, user=None) | Q(user=user))
        counts = {cart.user_id: cart.count_items() for cart in carts}
        own = self._assign_to_user(user, carts)
        if own:
            self.store(request, own)
        return counts.get(user.pk, 0) if counts.get(None) else 0

    def _locked(self, which: Q) -> list["Cart"]:
        """Return the matching active carts, locked in the order of their primary keys to avoid deadlocks."""
        return list(self._active(lock=True).filter(which).order_by("pk"))

    def _assign_to_user(self, user: User, carts: list["Cart"]) -> "Cart | None":
        """Merge the anonymous carts among these locked carts into the user's cart.

        If the user has no cart, assign an anonymous one to the user. Return the user's cart, or None if there is
        no cart at all.
        """
        own = next((cart for cart in carts if cart.user_id == user.pk), None)
        for cart in carts:
            if cart.user_id is None and own is None:
                own = self._adopt(cart, user)
            if cart.user_id is None and own != cart:
                own.merge_from(cart)  # type: ignore[union-attr]
        return own

    def _adopt(self, cart: "Cart", user: User) -> "Cart":
        """Assign the cart to the user and return it.

        If a parallel sign-in has just given the user another cart, return that one instead.
        """
        try:
            with transaction.atomic():
                self.filter(pk=cart.pk).update(user=user, session_key="")
        except IntegrityError:
            return self._active(lock=True).get(user=user)
        return cart

    def restore(self, closed: "Cart", order_id: str) -> None:
        """Put the lines of the closed cart of a canceled order back into the visitor's active cart.

        Create one if necessary. The closed cart stays closed. If the visitor has added a product again in the meantime,
        the larger quantity counts.
        """
        visitor = {"user": None, "session_key": closed.session_key}
        owner: dict[str, Any] = {"user_id": closed.user_id} if closed.user_id else visitor
        cart = self._active(lock=True).filter(**owner).first() or self._create_for_owner(owner)[0]
        cart.merge_from(closed, restored_order=order_id)

    @transaction.atomic
    def remember_restored(self, request: HttpRequest, closed: "Cart", order_id: str) -> None:
        """Put the cart that `restore` filled into the session. The cart page then does not mention the order.

        If the visitor has signed in since, merge it into the user's cart first.
        """
        if isinstance(request.user, User) and closed.user_id is None:
            back = Q(session_key=closed.session_key, user=None) & ~Q(session_key="")
            self._assign_to_user(request.user, self._locked(back | Q(user=request.user)))
        if cart := self.from_request(request):
            self.remember(request, cart)
            self.store_item_count(request, cart.count_items())
            cart.remove_restored_orders([order_id])

    def give_closed_to_user(self, carts: Any, user: User) -> None:
        """Give these closed carts of a guest (a query of ids) to the user, so that `restore` fills the user's cart."""
        self.filter(pk__in=carts, user=None, active=False).update(user=user, session_key="")

    def remember_current(self, request: HttpRequest) -> None:
        """Store the id of the visitor's cart in the session before sign-in.

        Sign-in changes the session key, so a cart that is found only by this key would be lost.
        """
        if cart := self.from_request(request):
            self.remember(request, cart)

    def _active(self, lock: bool) -> "models.QuerySet[Cart]":
        carts = self.filter(active=True)
        return carts.select_for_update() if lock else carts

    def _for_session(self, request: HttpRequest, lock: bool = False) -> "Cart | None":
        pk = self.stored_id(request)
        cart = self._active(lock).filter(pk=pk).first() if pk else None
        return cart if cart and cart.user_id in (None, request.user.pk) else None

    def _for_visitor(self, request: HttpRequest, lock: bool = False) -> "Cart | None":
        if request.user.is_authenticated:
            return self._active(lock).filter(user=request.user).first()
        if not request.session.session_key:
            return None
        return self._active(lock).filter(session_key=request.session.session_key, user=None).first()

    def _create(self, request: HttpRequest, totals: dict[str, Decimal]) -> tuple["Cart", bool]:
        if isinstance(request.user, User):
            return self._create_for_owner({"user": request.user}, totals)
        if request.session.session_key:
            return self._create_for_owner({"session_key": request.session.session_key}, totals)
        request.session.create()  # no other request knows the new key, so that this cart cannot conflict with another
        return self.create(session_key=request.session.session_key or "", **totals), True

    def _create_for_owner(self, owner: dict[str, Any], totals: dict[str, Decimal] | None = None) -> tuple["Cart", bool]:
        """Create an active cart for the owner, or get the one that a parallel request has just created.

        Return the cart and whether it was created. It is locked if there is a transaction.
        """
        try:
            with transaction.atomic():
                return self.create(**owner, **(totals or {})), True
        except IntegrityError:
            return self._active(lock=connection.in_atomic_block).get(**owner), False


class Cart(RestoredOrdersMixin, RemovedProductsMixin, CapacityMixin):
    """A visitor's cart.

    The stored totals are a cache for lists. Amounts to pay always come from carts.pricing.quotes.
    """

    columns = Columns(
        free=("billing_profile", "user", "session_key", "active", "country", "region", "shipping_method",
              "discount_code", "subtotal", "total", "timestamp", "updated"),
        conditional=("restored_orders", "removed_products", "left_out"),
        not_personal=("session_key", "country", "region", "discount_code", "restored_orders", "removed_products"),
        internal=("billing_profile", "user", "session_key", "shipping_method", "restored_orders", "removed_products",
                  "left_out"),
    )  # fmt: skip

    billing_profile = models.ForeignKey(
        BillingProfile, models.SET_NULL, null=True, blank=True, related_name="carts", verbose_name=_("billing profile")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="carts", verbose_name=_("user")
    )
    session_key = models.CharField(_("session"), max_length=40, blank=True)
    products = models.ManyToManyField(
        Product, through="CartItem", related_name="+", blank=True, verbose_name=_("products")
    )
    active = models.BooleanField(_("active"), default=True)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("Used for the shipping estimate."))
    region = models.CharField(_("state or region"), max_length=80, blank=True)
    shipping_method = models.ForeignKey(
        ShippingMethod, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("shipping method"),
        db_constraint=False,  # a deleted method counts as not chosen, and deleting one does not block carts
    )  # fmt: skip
    discount_code = models.CharField(_("discount code"), max_length=40, blank=True)
    subtotal = models.DecimalField(_("subtotal"), max_digits=18, decimal_places=2, default=Decimal(0))
    total = models.DecimalField(_("total"), max_digits=18, decimal_places=2, default=Decimal(0))
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects: ClassVar[CartManager] = CartManager()

    class Meta:
        verbose_name = _("cart")
        verbose_name_plural = _("carts")
        constraints = [
            models.UniqueConstraint(
                fields=["session_key"],
                condition=Q(active=True, user=None) & ~Q(session_key=""),
                name="cart_one_active_a_session",
            ),
            models.UniqueConstraint(fields=["user"], condition=Q(active=True), name="cart_one_active_a_user"),
        ]
        indexes = [models.Index(fields=["user", "updated"], condition=Q(user=None), name="cart_of_visitor_by_age")]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def lines(self) -> list["CartItem"]:
        """Return the lines in the order in which they were added, with their products, but without long texts."""
        lines = LINES.rows(cart=self.pk)
        for line in lines:
            line.cart, line.product.in_cart = self, line.quantity
        return lines

    def count_items(self) -> int:
        """Return the number of units in all lines."""
        return int(self.items.aggregate(count=Sum("quantity"))["count"] or 0)

    def set_quantity(self, product: Product, quantity: int, has_total: bool = False) -> int:
        """Set the quantity of the product, limited to its stock and to MAX_QUANTITY, and return the new quantity.

        A quantity of 0 or less removes the line. Raise CartFull if another line would be too many. Call this with the
        cart locked. `has_total` means that the cart was created with the total of this line, its first one.
        """
        quantity = min(quantity, product.max_cart_quantity())
        if quantity <= 0:
            CartItem.objects.filter(cart=self, product=product).delete()  # the signal updates the totals
            return 0
        self.check_room_for(product)
        self._save_line(product, quantity)
        if not has_total:
            self.update_totals()
        return quantity

    def _save_line(self, product: Product, quantity: int) -> None:
        """Insert or update the line of the product in one statement."""
        CartItem.objects.bulk_create(
            [CartItem(cart=self, product=product, quantity=quantity, seen_price=product.price)],
            update_conflicts=True,
            unique_fields=["cart", "product"],
            update_fields=["quantity", "seen_price", "is_restored"],
        )

    def store_choices(self, **choices: Any) -> None:
        """Store choices of the visitor: country and region of the estimate, shipping method, discount code.

        Do nothing if the cart is closed.
        """
        Cart.objects.filter(pk=self.pk, active=True).update(**choices, updated=timezone.now())

    def update_totals(self) -> None:
        """Store the sum of the lines at current prices in one statement.

        This calls `save()`, so that post_save receivers run.
        """
        total = Coalesce(TOTAL.subquery(AMOUNT, cart=self.pk), Value(Decimal(0)), output_field=AMOUNT)
        self.subtotal = self.total = total
        self.save(update_fields=["subtotal", "total", "updated"])
        del self.subtotal, self.total  # they hold the expression; the next access reads the stored values

    @transaction.atomic
    def merge_from(self, other: "Cart", restored_order: str = "") -> None:
        """Add the lines of `other` to this cart and close `other`. Count those that do not fit, for a message.

        `restored_order` is the number of the canceled order that `other` was closed for, if any. Take over the choices
        of `other` that this cart does not have.
        """
        self._absorb_choices(other)
        own, lines = {line.product_id: line for line in self.items.all()}, list(other.items.order_by("pk"))
        for line in (added := fitting(own, lines)):
            line.is_restored = line.is_restored or bool(restored_order)
            CartItem.objects.update_or_create(
                cart=self, product_id=line.product_id, defaults=line.merged_values(own.get(line.product_id))
            )
        if lines:
            self.add_restored_orders([*other.restored_orders.split(), restored_order])
        self.add_left_out(len(lines) - len(added) + other.left_out)
        self.add_removed_products(other.removed_titles())
        Cart.objects.filter(pk=other.pk).update(active=False)

    def _absorb_choices(self, other: "Cart") -> None:
        own = {name: getattr(self, name) for name in CHOICE_FIELDS}
        own |= {"region": own["region"] or own["country"]}  # a region is valid only in its own country
        self.store_choices(
            **{name: getattr(self, name) if own[name] else getattr(other, name) for name in CHOICE_FIELDS}
        )
