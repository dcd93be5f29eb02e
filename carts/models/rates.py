"""Pricing rules that staff edit: shipping methods, tax rates and discount codes."""

from decimal import ROUND_CEILING, Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from addresses.countries import country_name
from addresses.country_rules import region_choices, region_key
from core.columns import Columns
from core.models import GuardedModel
from core.money import (
    format_money,
    has_excess_decimals,
    maximum_charge,
    minimum_charge,
    round_money,
    smallest_unit,
)
from core.page_cache.shown_rows import ShownModel, ShownQuerySet
from core.times import format_datetime

PRICE: dict[str, Any] = {"max_digits": 10, "decimal_places": 2, "validators": [MinValueValidator(0)]}
HUNDRED = Decimal(100)


def validate_decimals(amounts: dict[str, Decimal | None]) -> None:
    """Raise ValidationError for the fields whose amount has more decimals than the shop's currency."""
    currency = settings.CURRENCY
    text = gettext("%(currency)s does not have that many decimal places.") % {"currency": currency.upper()}
    wrong = {name: text for name, amount in amounts.items() if amount and has_excess_decimals(amount, currency)}
    if wrong:
        raise ValidationError(wrong)


class ShippingMethod(ShownModel):
    """A shipping method, optionally limited to certain countries and weights."""

    columns = Columns(
        shown=(
            "title",
            "price",
            "free_from",
            "countries",
            "weight_from",
            "weight_to",
            "longest_days",
            "position",
            "active",
        )
    )

    title = models.CharField(_("title"), max_length=80, help_text=_("Shown to shoppers."))
    price = models.DecimalField(_("price"), **PRICE)
    free_from = models.DecimalField(
        _("free from"), **PRICE, null=True, blank=True,
        help_text=_("Delivery is free from this subtotal, before any discount. Leave empty if it is never free."),
    )  # fmt: skip
    countries = models.TextField(
        _("countries"), blank=True, help_text=_("Two-letter country codes, for example GB, IE, FR. Empty means all.")
    )
    weight_from = models.PositiveIntegerField(
        _("minimum weight in grams"), null=True, blank=True, help_text=_("Inclusive. Leave empty for no limit.")
    )
    weight_to = models.PositiveIntegerField(
        _("maximum weight in grams"), null=True, blank=True, help_text=_("Inclusive. Leave empty for no limit.")
    )
    longest_days = models.PositiveSmallIntegerField(
        _("longest delivery time in days"), null=True, blank=True, validators=[MaxValueValidator(366)],
        help_text=_("The withdrawal period begins that long after shipping. Leave empty for 14 days."),
    )  # fmt: skip
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("The lowest comes first and is the default.")
    )
    active = models.BooleanField(_("available"), default=True)

    objects = ShownQuerySet.as_manager()

    class Meta:
        verbose_name = _("shipping method")
        verbose_name_plural = _("shipping methods")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="shipping_price_not_negative"),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """Reject amounts with too many decimals for the currency, and a weight range that is empty."""
        validate_decimals({"price": self.price, "free_from": self.free_from})
        if self.weight_from is not None and self.weight_to is not None and self.weight_from > self.weight_to:
            raise ValidationError({"weight_to": _("The maximum weight is less than the minimum weight.")})

    @property
    def country_codes(self) -> list[str]:
        """The codes of the countries that the method serves. Empty if it serves all countries."""
        return self.countries.replace(",", " ").split()

    def serves(self, country: str) -> bool:
        return not self.country_codes or country in self.country_codes

    def accepts_weight(self, grams: int) -> bool:
        return (self.weight_from or 0) <= grams and (self.weight_to is None or grams <= self.weight_to)

    def price_for(self, subtotal: Decimal) -> Decimal:
        """Return the price to ship items with this subtotal."""
        return Decimal(0) if self.free_from is not None and subtotal >= self.free_from else self.price


class TaxRate(ShownModel):
    """The tax rate for a shipping destination."""

    columns = Columns(shown=("title", "country", "region", "percent", "on_shipping", "active"))

    title = models.CharField(_("title"), max_length=40, help_text=_("Shown to shoppers, for example VAT."))
    country = models.CharField(_("country"), max_length=2)
    region = models.CharField(
        _("state or region"), max_length=80, blank=True,
        help_text=_("Leave empty for the whole country. The rate of a region replaces that of its country."),
    )  # fmt: skip
    percent = models.DecimalField(
        _("percentage"), max_digits=6, decimal_places=3, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    on_shipping = models.BooleanField(_("applies to delivery"), default=True)
    active = models.BooleanField(_("active"), default=True)

    objects = ShownQuerySet.as_manager()

    class Meta:
        verbose_name = _("tax rate")
        verbose_name_plural = _("tax rates")
        ordering = ["country", "region"]
        constraints = [
            models.UniqueConstraint(
                "country", Upper("region"), name="tax_rate_once_a_place",
                violation_error_message=_("There is already a tax rate for this area."),
            ),
            models.CheckConstraint(condition=Q(percent__range=(0, 100)), name="tax_rate_percent_0_to_100"),
        ]  # fmt: skip

    def __str__(self) -> str:
        percent = "" if self.percent is None else f" {self.percent.normalize():f} %"  # None: a row that is being added
        return f"{self.title}{percent}, {self.place}"

    @property
    def place(self) -> str:
        return f"{self.country} {self.region}".strip()

    @property
    def region_keys(self) -> set[str]:
        """The keys of the regions that the rate is for. Empty if it is for the whole country.

        Rates from before regions were chosen from a list have names or several spellings, separated by commas.
        """
        keys = (region_key(self.country, name) for name in self.region.split(","))
        return {key for key in keys if key}

    @property
    def has_unknown_region(self) -> bool:
        """Whether the rate is for a region that no postal address in its country can have."""
        return any(region_key(self.country, name) is None for name in self.region.split(","))

    def clean(self) -> None:
        """Store the region by its key. Reject a region that no address can have, or that already has a rate."""
        if self.has_unknown_region:
            raise ValidationError({"region": self._unknown_region_message()})
        keys = self.region_keys
        others = TaxRate.objects.filter(country=self.country).exclude(pk=self.pk)
        if any(keys & other.region_keys for other in others):
            raise ValidationError({"region": _("There is already a tax rate for this area.")})
        if len(keys) > 1:
            raise ValidationError({"region": _("Choose one region. Add a rate for each of the others.")})
        self.region = "".join(keys)

    def _unknown_region_message(self) -> str:
        params = {"country": country_name(self.country)}
        if not region_choices(self.country):
            return gettext("Postal addresses in %(country)s have no regions to choose from. Leave this empty.") % params
        return gettext("Postal addresses in %(country)s do not have this region.") % params


class DiscountManager(models.Manager["Discount"]):
    def find(self, code: str) -> "Discount | None":
        """Return the discount with this code, in any case, or None if the code is empty.

        For an unknown code, return an unsaved discount that is not active.
        """
        code = code.strip().upper()
        return (self.filter(code__iexact=code).first() or Discount(code=code, active=False)) if code else None


class Discount(GuardedModel):
    """A discount code.

    Only `reserve_use` and `release_use` change `uses`, in the same transaction as the status of the order.
    """

    class Kind(models.TextChoices):
        PERCENT = "percent", _("percentage of the subtotal")
        AMOUNT = "amount", _("fixed amount")

    columns = Columns(conditional=("uses",))

    code = models.CharField(
        _("code"), max_length=40, unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9_-]+\Z", _("Use only letters from A to Z, digits, - and _."))],
        help_text=_("Not case-sensitive."),
    )  # fmt: skip
    kind = models.CharField(_("kind"), max_length=7, choices=Kind, default=Kind.PERCENT)
    value = models.DecimalField(
        _("value"), max_digits=10, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))],
        help_text=_("For example, 10 for ten percent or for an amount of 10."),
    )  # fmt: skip
    starts = models.DateTimeField(_("starts"), null=True, blank=True, help_text=_("Leave empty to start immediately."))
    ends = models.DateTimeField(_("ends"), null=True, blank=True, help_text=_("Leave empty for no end."))
    minimum = models.DecimalField(
        _("minimum subtotal"), **PRICE, null=True, blank=True, help_text=_("Leave empty for no minimum.")
    )
    uses_limit = models.PositiveIntegerField(
        _("usage limit"), null=True, blank=True, help_text=_("For all shoppers together. Leave empty for no limit.")
    )
    uses = models.PositiveIntegerField(
        _("times used"),
        default=0,
        editable=False,
        help_text=_("Counts orders that are not cancelled, including refunded ones."),
    )
    active = models.BooleanField(_("active"), default=True)

    objects: ClassVar[DiscountManager] = DiscountManager()

    class Meta:
        verbose_name = _("discount code")
        verbose_name_plural = _("discount codes")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                Upper("code"), name="discount_code_once", violation_error_message=_("This code already exists.")
            ),
            models.CheckConstraint(condition=Q(value__gt=0), name="discount_value_positive"),
            models.CheckConstraint(
                condition=Q(kind="amount") | Q(value__lte=100), name="discount_of_100_percent_at_most"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the discount with its code in uppercase."""
        self.code = self.code.upper()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Check the values and the period.

        Reject a discount of more than 100 percent, amounts with too many decimals for the currency, and an end that
        is not after the start.
        """
        if self.kind == self.Kind.PERCENT and self.value is not None and self.value > HUNDRED:
            raise ValidationError({"value": _("A discount cannot exceed 100 percent.")})
        validate_decimals({"minimum": self.minimum} | ({"value": self.value} if self.kind == self.Kind.AMOUNT else {}))
        self._validate_minimum()
        if self.starts and self.ends and self.ends <= self.starts:
            raise ValidationError({"ends": _("The end must be after the start.")})

    def _validate_minimum(self) -> None:
        """Reject a minimum subtotal above which no order can be charged, because the code could never be used."""
        if self.minimum is None or self.value is None:
            return
        most = maximum_charge(settings.CURRENCY)
        if self.minimum - self.amount_off(self.minimum, settings.CURRENCY) > most:
            text = gettext("No order of this value can be charged. The maximum order value is %(amount)s.")
            raise ValidationError({"minimum": text % {"amount": format_money(most, settings.CURRENCY)}})

    def problem(self, subtotal: Decimal, most: Decimal | None = None) -> str:
        """Return a message that says why the code does not apply now to this subtotal, or "" if it applies.

        `most` is the largest discount that leaves a total that can be charged. A code that would take nothing off does
        not apply, so it is not used up.
        """
        now, params = timezone.now(), {"code": self.code}
        if not self.active or (self.kind == self.Kind.AMOUNT and has_excess_decimals(self.value, settings.CURRENCY)):
            return gettext("The code %(code)s is not valid.") % params
        if self.starts and now < self.starts:
            return gettext("The code %(code)s is valid only from %(time)s onwards.") % (
                params | {"time": format_datetime(self.starts)}
            )
        if self.ends and now >= self.ends:
            return gettext("The code %(code)s expired on %(time)s and can no longer be used.") % (
                params | {"time": format_datetime(self.ends)}
            )
        if self.uses_limit is not None and self.uses >= self.uses_limit:
            return gettext("The code %(code)s has been used up.") % params
        if self.minimum is not None and subtotal < self.minimum:
            least = format_money(self.minimum, settings.CURRENCY)
            return gettext("The code %(code)s is valid for orders of %(amount)s or more.") % (
                params | {"amount": least}
            )
        return "" if self.amount_off(subtotal, settings.CURRENCY, most) else self._nothing_off_message(subtotal)

    def _nothing_off_message(self, subtotal: Decimal) -> str:
        """Return a message that says why the code takes nothing off this subtotal."""
        currency = settings.CURRENCY
        params = {"code": self.code, "amount": format_money(minimum_charge(currency), currency)}
        if self.amount_off(subtotal, currency):
            text = gettext("The code %(code)s takes nothing off this order. The minimum order value is %(amount)s.")
            return text % params
        if self.kind == self.Kind.AMOUNT:
            return gettext("The code %(code)s takes nothing off this order.") % params
        params["amount"] = format_money(self._smallest_subtotal(currency), currency)
        text = gettext("The code %(code)s takes nothing off this order. It is valid for orders of %(amount)s or more.")
        return text % params

    def _smallest_subtotal(self, currency: str) -> Decimal:
        """Return the smallest subtotal off which a percentage takes anything after rounding."""
        unit = smallest_unit(currency)
        return (unit / 2 * HUNDRED / self.value).quantize(unit, ROUND_CEILING)

    def amount_off(self, subtotal: Decimal, currency: str, most: Decimal | None = None) -> Decimal:
        """Return the discount on this subtotal, rounded once and never more than the subtotal or `most`."""
        off = self.value if self.kind == self.Kind.AMOUNT else subtotal * self.value / HUNDRED
        return round_money(min(off, subtotal, subtotal if most is None else most), currency)

    def reserve_use(self) -> bool:
        """Count one more use and return True. Call this in the transaction that places the order.

        Return False if no uses are left or the code is no longer active.
        """
        left = Q(uses_limit=None) | Q(uses__lt=F("uses_limit"))
        return bool(Discount.objects.filter(left, pk=self.pk, active=True).update(uses=F("uses") + 1))

    def release_use(self) -> None:
        """Decrease the use count by one. Call this in the transaction that cancels the order."""
        Discount.objects.filter(pk=self.pk, uses__gt=0).update(uses=F("uses") - 1)
