"""The product model."""

from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F, Q, Sum
from django.utils.translation import gettext_lazy as _

from core.columns import Columns
from core.database.prepared import PreparedQuery, insert_row
from core.models import GuardedModel
from core.page_cache.shown_rows import ShownModel, ShownQuerySet
from core.page_cache.versions import collect_touches
from core.rendering.page_urls import slug_url
from core.slugs import save_with_unique_slug
from products.descriptions import parse_description
from products.images.mixin import ImageMixin
from products.models.category import Category
from products.models.listing import COLUMNS as LISTING_COLUMNS
from products.models.listing import Listing, ListingQuerySet
from products.models.spelling import SpellingQuerySet
from products.models.stock import StockMovement
from products.models.stored_words import COLUMNS as WORD_COLUMNS
from products.models.stored_words import StoredWords

STOCK: PreparedQuery[Any] = PreparedQuery(
    lambda product: Product.objects.filter(pk=product).values_list("stock"), product=int
)
MAX_QUANTITY = 99  # of one product in a cart
WITHDRAWAL_DAYS = 14  # the period of the law; a shop can give more
FILTERED = ("lowest_price", "highest_price", "price", "stock", "group", "is_listed", "active")
LONG_COLUMNS = ("description", *WORD_COLUMNS)
CARD_COLUMNS = (
    "slug", "title", "price", "stock", "image", "image_width", "image_height", "category", "group", "lowest_price",
    "highest_price",
)  # fmt: skip


def availability(stock: int | None) -> int:
    """Return what pages show of a stock: the number of units up to settings.LOW_STOCK, or else one more than that."""
    plenty = int(settings.LOW_STOCK) + 1
    return plenty if stock is None else min(stock, plenty)


class ProductQuerySet(ListingQuerySet["Product"], ShownQuerySet["Product"], SpellingQuerySet["Product"]):  # type: ignore[override]
    def active(self) -> Self:
        """Return the products on sale, including those that are sold out."""
        return self.filter(active=True)

    def low_on_stock(self) -> Self:
        """Return the products that are low on stock but not sold out, according to settings.LOW_STOCK."""
        return self.filter(stock__range=(1, settings.LOW_STOCK))

    def available(self) -> Self:
        """Return the products that are not sold out."""
        return self.exclude(stock=0)

    def priced_between(self, low: Decimal | None, high: Decimal | None) -> Self:
        """Return the products that cost from `low` to `high`. None means no limit."""
        found = self if low is None else self.filter(price__gte=low)
        return found if high is None else found.filter(price__lte=high)

    def update_stock(self, stock: Any) -> int:
        """Change only the stock. Its callers move the versions, because they know the stock before and after."""
        return super(ShownQuerySet, self).update(stock=stock)

    update_stock.alters_data = True  # type: ignore[attr-defined]

    def update_bought(self, units: int) -> int:
        """Change only the units sold lately. The caller moves the versions, once for all rows."""
        return super(ShownQuerySet, self).update(bought=units)

    update_bought.alters_data = True  # type: ignore[attr-defined]

    def newest_first(self) -> Self:
        return self.order_by("-timestamp", "-pk")

    def cheapest_first(self) -> Self:
        return self.order_by("lowest_price", "pk")

    def most_expensive_first(self) -> Self:
        """Return the products by the price that their cards show, which is the lowest one of a group."""
        return self.order_by("-lowest_price", "-pk")

    def most_bought_first(self) -> Self:
        return self.order_by("-bought", "-pk")

    def for_product_cards(self) -> Self:
        """Return products to show as cards: those on sale, newest first. Only what cards show is read."""
        return self.active().newest_first().only(*CARD_COLUMNS)

    def without_words(self) -> Self:
        """Do not read the words for the search, which are longer than everything that pages show."""
        return self.defer(*WORD_COLUMNS)


class Product(Listing, ShownModel, StoredWords, GuardedModel, ImageMixin):
    """A product. Its stock changes only through `reserve`, `release`, `adjust_stock` and `switch_stock_tracking`."""

    columns = Columns(
        conditional=("stock", *LISTING_COLUMNS, "bought"),
        shown=(
            "sku", "title", "slug", "description", "price", "category", "group", "option", "choice", "second_option",
            "second_choice", "withdrawal_days", "withdrawal_exclusion", "stock", "active", "timestamp", "image",
            "image_width", "image_height", "image_alt", *LISTING_COLUMNS, "bought",
        ),
    )  # fmt: skip
    shown_as: ClassVar[Any] = {"stock": availability}

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
    )  # An index in Meta begins with this column.
    group = models.CharField(_("group"), max_length=40, blank=True, help_text=_("Variants share a group."))
    option = models.CharField(_("option"), max_length=30, blank=True, help_text=_("For example Colour or Size."))
    choice = models.CharField(
        _("choice"), max_length=40, blank=True, help_text=_("For this variant, for example Teal or Large.")
    )
    second_option = models.CharField(_("second option"), max_length=30, blank=True)
    second_choice = models.CharField(_("second choice"), max_length=40, blank=True)
    weight = models.PositiveIntegerField(_("weight in grams"), default=0)
    withdrawal_days = models.PositiveSmallIntegerField(
        _("withdrawal period in days"),
        default=WITHDRAWAL_DAYS,
        db_default=WITHDRAWAL_DAYS,
        help_text=_("At least 14. Enter 0 only for items that the law excludes from the right of withdrawal."),
    )
    withdrawal_exclusion = models.CharField(
        _("reason without right of withdrawal"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("Shown to shoppers before they buy. Only for a period of 0 days."),
    )
    stock = models.PositiveIntegerField(_("stock"), null=True, blank=True, help_text=_("Leave empty if unlimited."))
    active = models.BooleanField(_("for sale"), default=True)
    # Units sold lately, for a variant those of its group. Only `products.lists.bought` writes it.
    bought = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects = ProductQuerySet.as_manager()

    card_rows: Any = None  # Only products.lists.cards sets it.
    category_slug: str | None  # Only the query of the product page sets it.
    in_cart: int | None  # The quantity in the visitor's cart. Only Cart and its manager set it.

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        base_manager_name = "objects"
        # Each index has the order of a list and all columns by which lists are filtered, so the database finds a page
        # without reading rows. The booleans come last because SQLite does not use an index on a bare boolean. Lists
        # show what is listed, searches find all that is active.
        indexes = [
            models.Index(fields=["-timestamp", "-id", "category", *FILTERED], name="list_newest"),
            models.Index(fields=["lowest_price", "id", "timestamp", "category", *FILTERED[1:]], name="list_price"),
            models.Index(fields=["-bought", "-id", "category", *FILTERED], name="list_bought"),
            models.Index(fields=["category", "-timestamp", "-id", "bought", *FILTERED], name="list_in_category"),
            models.Index(fields=["group", "category", "active", "price", "stock"], name="product_variants"),
            models.Index(
                fields=["price", "category", "active", "stock", "lowest_price", "timestamp", "bought"],
                name="search_price",
            ),
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the product with a unique slug, which a signal receiver sets."""
        save_with_unique_slug(self, partial(super().save, *args, **kwargs))

    def get_absolute_url(self) -> str:
        return slug_url("products:detail", self.slug)

    @property
    def image_stem(self) -> str:
        return self.slug

    @property
    def alt(self) -> str:
        """The alternative text of the picture."""
        return self.image_alt or self.title

    @property
    def summary(self) -> str:
        """The description for search engines and previews: one line of up to 155 characters, or else the title."""
        text = " ".join(parse_description(self.description).lead.split()) or self.title
        return text if len(text) <= 155 else f"{text[:154].rsplit(' ', 1)[0]}…"

    @property
    def is_sold_out(self) -> bool:
        return self.stock == 0

    @property
    def is_low(self) -> bool:
        """Whether the stock is low but not zero. Pages then show the number of units left."""
        return self.is_running_out and not self.is_sold_out

    @property
    def is_running_out(self) -> bool:
        """Whether at most settings.LOW_STOCK units are left."""
        return self.stock is not None and self.stock <= settings.LOW_STOCK

    def max_cart_quantity(self) -> int:
        """Return the largest quantity that one cart can hold now: the stock, but at most MAX_QUANTITY.

        Return 0 if the product is not on sale.
        """
        if not self.active:
            return 0
        return MAX_QUANTITY if self.stock is None else min(self.stock, MAX_QUANTITY)

    def shown_limit(self) -> int:
        """Return the largest number that the quantity field of the product page accepts.

        It changes only together with the availability label, so units that are sold do not change the page. The cart
        limits quantities to `max_cart_quantity` anyway.
        """
        return min(self.stock or 0, MAX_QUANTITY) if self.is_running_out else MAX_QUANTITY

    def reserve(self, quantity: int, order: str) -> bool:
        """Reserve `quantity` units for the order with this number.

        Return False if the product is not on sale or has too little stock. Call this in a transaction.
        """
        enough = Q(stock__isnull=True) | Q(stock__gte=quantity)
        if not self._rows().filter(enough, active=True).update_stock(F("stock") - quantity):
            return False
        self._read_changed_stock(-quantity)
        amount = -quantity if self.stock is not None else 0
        insert_row(StockMovement(product=self, kind=StockMovement.Kind.RESERVED, order=order, amount=amount))
        return True

    def release(self, order: str, most: int | None = None, by: str = "", is_return: bool = False) -> int:
        """Release the units that the order with this number still holds, or at most `most` of them.

        With `is_return`, they return after a refund, which `by` requested.

        Return the number of released units. An order never releases more units than it reserved, regardless of how
        often this is called. If the stock has become unlimited, record a movement of zero units and return 0.
        """
        held = -(self.movements.filter(order=order).aggregate(total=Sum("amount"))["total"] or 0)
        units = held if most is None else min(held, most)
        if units <= 0:
            return 0
        if self._rows().filter(stock__isnull=False).update_stock(F("stock") + units):
            self._read_changed_stock(units)
        else:
            units = 0
        kind = StockMovement.Kind.RETURNED if is_return else StockMovement.Kind.RELEASED
        StockMovement.objects.create(product=self, kind=kind, order=order, amount=units, by=by)
        return int(units)

    @transaction.atomic
    def adjust_stock(self, difference: int, by: str, reason: str = "") -> bool:
        """Add `difference`, which can be negative, to the stock. `reason` is a StockMovement.Reason.

        Return False and change nothing if the result would be below zero or the stock is unlimited.
        """
        # Django omits `stock >= -5` from the query as always true, but it is not true for unlimited stock (NULL).
        counted = self._rows().filter(stock__isnull=False, stock__gte=-difference)
        if not counted.update_stock(F("stock") + difference):
            return False
        self._read_changed_stock(difference)
        self._record_adjustment(difference, by, reason)
        return True

    @transaction.atomic
    def switch_stock_tracking(self, counted: int | None, by: str) -> bool:
        """Change unlimited stock to `counted` units, or limited stock to unlimited if `counted` is None.

        Return False and change nothing if the stock is already limited, or already unlimited if `counted` is None.
        """
        before = self._rows().values_list("stock", flat=True).select_for_update().get()
        if not self._rows().filter(stock=before, stock__isnull=counted is not None).update_stock(counted):
            return False
        self.stock = counted
        self._move_versions(before)
        self._record_adjustment((counted or 0) - (before or 0), by)
        return True

    def _rows(self) -> ProductQuerySet:
        return Product.objects.filter(pk=self.pk)

    def _read_changed_stock(self, change: int) -> None:
        """Read the stock to which `change` was added. Move the versions of pages if they show it in other words."""
        (self.stock,) = STOCK.get(product=self.pk)
        if self.stock is not None:
            self._move_versions(self.stock - change)

    def _move_versions(self, before: int | None) -> None:
        """Move the versions of pages unless they show the stock before in the same words as the stock now."""
        if availability(before) != availability(self.stock):
            with collect_touches() as touches:
                touches.rows.mark(Product, self.pk)

    def _record_adjustment(self, amount: int, by: str, reason: str = "") -> None:
        kind = StockMovement.Kind.ADJUSTED
        StockMovement.objects.create(product=self, kind=kind, reason=reason, amount=amount, by=by)
