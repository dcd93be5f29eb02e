"""The catalogue: categories, products and every movement of their stock."""

from decimal import Decimal
from typing import Any, ClassVar, Self

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F, Q, Sum
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from ecommerce.models import GuardedModel
from ecommerce.slugs import unique_slug
from products.pictured import Pictured
from products.tree import Tree

MENU_KEY = "categories"


class CategoryManager(models.Manager["Category"]):
    def for_menu(self) -> list["Category"]:
        """The categories by title; kept a minute, since every list page shows them."""
        return cache.get_or_set(MENU_KEY, lambda: list(self.order_by("title")), 60) or []

    def tree(self) -> Tree:
        """How the menu's categories nest."""
        return Tree(self.for_menu())


class Category(models.Model):
    """A shelf of the shop, perhaps within another, shown as /products/?category=slug."""

    title = models.CharField(_("title"), max_length=80)
    slug = models.SlugField(_("slug"), max_length=90, unique=True, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent category")
    )

    objects: ClassVar[CategoryManager] = CategoryManager()

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["title"]
        constraints = [models.CheckConstraint(condition=~Q(parent=F("id")), name="category_not_within_itself")]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with a slug of its own."""
        self.slug = self.slug or unique_slug(self, self.title)
        super().save(*args, **kwargs)
        cache.delete(MENU_KEY)

    def get_absolute_url(self) -> str:
        return f"{reverse('products:list')}?category={self.slug}"

    def clean(self) -> None:
        """Refuse a parent that is the category itself or lies within it."""
        path = Tree(Category.objects.all()).path(self.parent)
        if self.pk and self in path:
            names = " > ".join(category.title for category in path[path.index(self) :])
            text = _("A category cannot be inside itself: %(names)s. Please choose another parent.")
            raise ValidationError({"parent": ValidationError(text, "ring", {"names": names})})

    def crumbs(self) -> list["Category"]:
        """The way to this category from the outermost; without a query if it lies within no other."""
        return Category.objects.tree().path(self) if self.parent_id else [self]


class ProductQuerySet(models.QuerySet["Product"]):
    def active(self) -> Self:
        """Those on sale (perhaps sold out for now)."""
        return self.filter(active=True)

    def available(self) -> Self:
        """Those that are not sold out."""
        return self.exclude(stock=0)

    def priced(self, low: Decimal | None, high: Decimal | None) -> Self:
        """Those that cost from `low` to `high`, where given."""
        found = self if low is None else self.filter(price__gte=low)
        return found if high is None else found.filter(price__lte=high)

    def newest_first(self) -> Self:
        return self.order_by("-timestamp", "-pk")

    def cheapest_first(self) -> Self:
        return self.order_by("price", "pk")

    def dearest_first(self) -> Self:
        return self.order_by("-price", "-pk")

    def for_cards(self) -> Self:
        """What a list of cards shows, newest first."""
        return self.active().newest_first()


class Product(GuardedModel, Pictured):
    """Something the shop sells. Its stock changes only through take, give_back and adjust_stock."""

    guarded_fields = frozenset({"stock"})

    sku = models.CharField(_("SKU"), max_length=40, unique=True)
    title = models.CharField(_("title"), max_length=150)
    slug = models.SlugField(_("slug"), max_length=120, unique=True, blank=True)
    description = models.TextField(_("description"), blank=True)
    price = models.DecimalField(_("price"), max_digits=10, decimal_places=2, validators=[MinValueValidator(0)])
    category = models.ForeignKey(
        Category,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="products",
        db_index=False,
        verbose_name=_("category"),
    )  # an index of Meta's begins with it
    group = models.CharField(_("group"), max_length=40, blank=True, help_text=_("Variants share a group."))
    option = models.CharField(_("option"), max_length=30, blank=True, help_text=_("For example Colour or Size."))
    choice = models.CharField(
        _("choice"), max_length=40, blank=True, help_text=_("For this variant, for example Teal or Large.")
    )
    second_option = models.CharField(_("second option"), max_length=30, blank=True)
    second_choice = models.CharField(_("second choice"), max_length=40, blank=True)
    weight = models.PositiveIntegerField(_("weight in grams"), default=0)
    stock = models.PositiveIntegerField(_("stock"), null=True, blank=True, help_text=_("Empty: unlimited."))
    active = models.BooleanField(_("for sale"), default=True)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects = ProductQuerySet.as_manager()

    in_cart: int | None  # the visitor's quantity, set by Cart.objects.with_quantities alone

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        # Each in the order of a list, with all that lists are filtered by: a page is found without reading a row.
        # `active` comes last, since SQLite seeks no index for a column of truths that stands alone.
        indexes = [
            models.Index(fields=["-timestamp", "-id", "category", "price", "stock", "active"], name="product_newest"),
            models.Index(fields=["price", "id", "timestamp", "category", "stock", "active"], name="product_price"),
            models.Index(
                fields=["category", "-timestamp", "-id", "price", "stock", "active"], name="product_newest_in_category"
            ),
            models.Index(fields=["group"], name="product_group"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="product_price_not_negative"),
            models.CheckConstraint(
                condition=Q(stock__isnull=True) | Q(stock__gte=0), name="product_stock_not_negative"
            ),
            models.UniqueConstraint(
                fields=["group", "choice", "second_choice"],
                condition=~Q(group="") & ~Q(choice=""),
                name="product_choice_once_a_group",
                violation_error_message=_("Another product of this group has the same choice."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("products:detail", args=[self.slug])

    @property
    def picture_stem(self) -> str:
        return self.slug

    @property
    def alt(self) -> str:
        """The picture in words."""
        return self.image_alt or self.title

    @property
    def summary(self) -> str:
        """The description in a line, for search engines and previews."""
        return Truncator(" ".join(self.description.split())).chars(155) or self.title

    @property
    def is_sold_out(self) -> bool:
        return self.stock == 0

    @property
    def is_low(self) -> bool:
        """Few enough left to tell the shopper."""
        return self.stock is not None and 0 < self.stock <= 5

    def most_in_cart(self) -> int:
        """The largest quantity one cart may hold now: the stock, and never above 99."""
        if not self.active:
            return 0
        return 99 if self.stock is None else min(self.stock, 99)

    def take(self, quantity: int, order: str) -> bool:
        """Take `quantity` units for the order of this number, if on sale and in stock; in the caller's transaction."""
        enough = Q(stock__isnull=True) | Q(stock__gte=quantity)
        if not self._rows().filter(enough, active=True).update(stock=F("stock") - quantity):
            return False
        self.refresh_from_db(fields=["stock"])
        StockMovement.objects.create(
            product=self, kind=StockMovement.Kind.TAKEN, order=order, amount=-quantity if self.stock is not None else 0
        )
        return True

    def give_back(self, order: str, most: int | None = None) -> int:
        """Put back what the order of this number still holds, or `most` of it; the units put back.

        However often it is called, an order never gives back more than it took. Where stock is no longer counted
        the movement says so with a zero.
        """
        held = -(self.movements.filter(order=order).aggregate(total=Sum("amount"))["total"] or 0)
        units = held if most is None else min(held, most)
        if units <= 0:
            return 0
        if not self._rows().filter(stock__isnull=False).update(stock=F("stock") + units):
            units = 0
        StockMovement.objects.create(product=self, kind=StockMovement.Kind.GIVEN_BACK, order=order, amount=units)
        return int(units)

    @transaction.atomic
    def adjust_stock(self, difference: int, by: str) -> bool:
        """Add `difference` (may be negative) to a counted stock; False, and nothing done, if that is below zero."""
        # Django leaves `stock >= -5` out of the query as always true, which an unlimited stock (NULL) is not.
        counted = self._rows().filter(stock__isnull=False, stock__gte=-difference)
        if not counted.update(stock=F("stock") + difference):
            return False
        self._note(difference, by)
        return True

    @transaction.atomic
    def count_stock(self, counted: int | None, by: str) -> bool:
        """Begin to count an unlimited stock at `counted`, or (None) stop counting; False if it was so already."""
        before = self._rows().values_list("stock", flat=True).select_for_update().get()
        if not self._rows().filter(stock=before, stock__isnull=counted is not None).update(stock=counted):
            return False
        self._note((counted or 0) - (before or 0), by)
        return True

    def _rows(self) -> "models.QuerySet[Product]":
        return Product.objects.filter(pk=self.pk)

    def _note(self, amount: int, by: str) -> None:
        StockMovement.objects.create(product=self, kind=StockMovement.Kind.ADJUSTED, amount=amount, by=by)
        self.refresh_from_db(fields=["stock"])


class Picture(Pictured):
    """A further picture of a product: another side, the thing in use. The first one is the product's own."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="pictures", verbose_name=_("product"))
    position = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("Smaller numbers come first."))

    class Meta:
        verbose_name = _("additional picture")
        verbose_name_plural = _("gallery")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.alt

    @property
    def picture_stem(self) -> str:
        return self.product.slug

    @property
    def alt(self) -> str:
        """The picture in words."""
        return self.image_alt or _("%(title)s, another view") % {"title": self.product.title}


class StockMovement(models.Model):
    """One change of a counted stock; append-only, so that the sum of a product's rows is its stock."""

    class Kind(models.TextChoices):
        OPENING = "opening", _("Opening stock")
        TAKEN = "taken", _("Reserved by an order")
        GIVEN_BACK = "given_back", _("Released by an order")
        ADJUSTED = "adjusted", _("Changed by staff")

    product = models.ForeignKey(Product, models.CASCADE, related_name="movements", verbose_name=_("product"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    amount = models.IntegerField(_("units"))
    order = models.CharField(_("order"), max_length=20, blank=True, db_index=True)  # a number: products know no orders
    by = models.CharField(_("by"), max_length=254, blank=True)
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount:+d}"
