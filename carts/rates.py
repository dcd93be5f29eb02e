"""What staff decide about the sums of an order: how goods are sent, what tax is due, which codes make it cheaper."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ecommerce.models import GuardedModel
from ecommerce.money import format_money, has_excess_digits, round_money

RULES_KEY = "rules"
PRICE: dict[str, Any] = {"max_digits": 10, "decimal_places": 2, "validators": [MinValueValidator(0)]}
HUNDRED = Decimal(100)


def check_payable(amounts: dict[str, Decimal | None]) -> None:
    """A ValidationError for the fields whose amount the shop's currency cannot pay."""
    currency = settings.CURRENCY
    text = gettext("%(currency)s does not have that many decimal places.") % {"currency": currency.upper()}
    wrong = {name: text for name, amount in amounts.items() if amount and has_excess_digits(amount, currency)}
    if wrong:
        raise ValidationError(wrong)


class ShippingMethod(models.Model):
    """A way to send goods, for those places and weights that it is for."""

    title = models.CharField(_("title"), max_length=80, help_text=_("Shown to shoppers."))
    price = models.DecimalField(_("price"), **PRICE)
    free_from = models.DecimalField(
        _("free from"), **PRICE, null=True, blank=True,
        help_text=_("Delivery is free from this subtotal, before any discount. Empty: never."),
    )  # fmt: skip
    countries = models.TextField(
        _("countries"), blank=True, help_text=_("Two-letter country codes, for example GB, IE, FR. Empty: everywhere.")
    )
    weight_from = models.PositiveIntegerField(
        _("minimum weight in grams"), null=True, blank=True, help_text=_("Inclusive. Empty: any weight.")
    )
    weight_to = models.PositiveIntegerField(
        _("maximum weight in grams"), null=True, blank=True, help_text=_("Inclusive. Empty: any weight.")
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("The lowest comes first and is the default.")
    )
    active = models.BooleanField(_("available"), default=True)

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
        """Amounts that can be paid, and a weight that something can have."""
        check_payable({"price": self.price, "free_from": self.free_from})
        if self.weight_from is not None and self.weight_to is not None and self.weight_from > self.weight_to:
            raise ValidationError({"weight_to": _("The maximum weight is less than the minimum weight.")})

    def goes_to(self, country: str) -> bool:
        return not self.countries or country in self.countries.replace(",", " ").split()

    def carries(self, grams: int) -> bool:
        return (self.weight_from or 0) <= grams and (self.weight_to is None or grams <= self.weight_to)

    def price_for(self, subtotal: Decimal) -> Decimal:
        """What it costs to send goods of this value."""
        return Decimal(0) if self.free_from is not None and subtotal >= self.free_from else self.price


class TaxRate(models.Model):
    """The tax on what is sent to a place."""

    title = models.CharField(_("title"), max_length=40, help_text=_("Shown to shoppers, for example VAT."))
    country = models.CharField(_("country"), max_length=2)
    region = models.CharField(
        _("state or region"), max_length=80, blank=True,
        help_text=_(
            "Empty: the whole country. Otherwise as written in addresses, with several spellings separated by commas,"
            " for example CA, California. Overrides the rate of the whole country."
        ),
    )  # fmt: skip
    percent = models.DecimalField(
        _("percentage"), max_digits=6, decimal_places=3, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    on_shipping = models.BooleanField(_("applies to delivery"), default=True)
    active = models.BooleanField(_("active"), default=True)

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
        return f"{self.title} {self.percent.normalize():f} %, {self.place}"

    @property
    def place(self) -> str:
        return f"{self.country} {self.region}".strip()

    @property
    def spellings(self) -> set[str]:
        """The region's names, to compare with; none for the whole country."""
        return {name.strip().casefold() for name in self.region.split(",") if name.strip()}

    def clean(self) -> None:
        """No region has two rates, however it is written."""
        others = TaxRate.objects.filter(country=self.country).exclude(pk=self.pk)
        if any(self.spellings & other.spellings for other in others):
            raise ValidationError({"region": _("There is already a tax rate for this area.")})


def tax_on(amount: Decimal, percent: Decimal, is_included: bool, currency: str) -> Decimal:
    """The tax in `amount` if it is included, else the tax on top of it."""
    return round_money(amount * percent / (HUNDRED + percent if is_included else HUNDRED), currency)


class DiscountManager(models.Manager["Discount"]):
    def find(self, code: str) -> "Discount | None":
        """The discount with this code, in capitals or not; None for no code. One that nobody knows is not active."""
        code = code.strip().upper()
        return (self.filter(code__iexact=code).first() or Discount(code=code, active=False)) if code else None


class Discount(GuardedModel):
    """A code that makes an order cheaper. Its uses change only by `take` and `give_back`, with the order's state."""

    class Kind(models.TextChoices):
        PERCENT = "percent", _("percentage of the subtotal")
        AMOUNT = "amount", _("fixed amount")

    guarded_fields = frozenset({"uses"})

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
    starts = models.DateTimeField(_("starts"), null=True, blank=True, help_text=_("Empty: immediately."))
    ends = models.DateTimeField(_("ends"), null=True, blank=True, help_text=_("Empty: never."))
    minimum = models.DecimalField(
        _("minimum subtotal"), **PRICE, null=True, blank=True, help_text=_("Empty: no minimum.")
    )
    uses_limit = models.PositiveIntegerField(
        _("usage limit"), null=True, blank=True, help_text=_("For all shoppers together. Empty: no limit.")
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
        """Save the code in capitals."""
        self.code = self.code.upper()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """A value that makes sense, and an end after the beginning."""
        if self.kind == self.Kind.PERCENT and self.value is not None and self.value > HUNDRED:
            raise ValidationError({"value": _("A discount cannot exceed 100 percent.")})
        check_payable({"minimum": self.minimum} | ({"value": self.value} if self.kind == self.Kind.AMOUNT else {}))
        if self.starts and self.ends and self.ends <= self.starts:
            raise ValidationError({"ends": _("The end must be after the start.")})

    def problem(self, subtotal: Decimal) -> str:
        """Why the code counts for nothing now, for goods of this value; empty if it counts."""
        now, words = timezone.now(), {"code": self.code}
        if not self.active or (self.kind == self.Kind.AMOUNT and has_excess_digits(self.value, settings.CURRENCY)):
            return gettext("The code %(code)s is not valid.") % words
        if self.starts and now < self.starts:
            return gettext("The code %(code)s is valid only from %(time)s onwards.") % (
                words | {"time": _written(self.starts)}
            )
        if self.ends and now >= self.ends:
            return gettext("The code %(code)s expired on %(time)s and can no longer be used.") % (
                words | {"time": _written(self.ends)}
            )
        if self.uses_limit is not None and self.uses >= self.uses_limit:
            return gettext("The code %(code)s has been used up.") % words
        if self.minimum is not None and subtotal < self.minimum:
            least = format_money(self.minimum, settings.CURRENCY)
            return gettext("The code %(code)s is valid for orders of %(amount)s or more.") % (words | {"amount": least})
        return ""

    def amount_off(self, subtotal: Decimal, currency: str) -> Decimal:
        """What goods of this value get cheaper by: rounded once, and never more than they cost."""
        off = self.value if self.kind == self.Kind.AMOUNT else subtotal * self.value / HUNDRED
        return round_money(min(off, subtotal), currency)

    def take(self) -> bool:
        """Count one more use, if there is one left; in the caller's transaction."""
        left = Q(uses_limit=None) | Q(uses__lt=F("uses_limit"))
        return bool(Discount.objects.filter(left, pk=self.pk, active=True).update(uses=F("uses") + 1))

    def give_back(self) -> None:
        """Count one use less; in the transaction that cancels its order."""
        Discount.objects.filter(pk=self.pk, uses__gt=0).update(uses=F("uses") - 1)


def _written(time: datetime) -> str:
    return date_format(timezone.localtime(time), "DATETIME_FORMAT")


@dataclass(frozen=True)
class Rules:
    """The shipping methods and tax rates in force."""

    methods: Sequence[ShippingMethod]
    rates: Sequence[TaxRate]

    @classmethod
    def read(cls) -> "Rules":
        """As the database has them now: placing reads no others."""
        return cls(list(ShippingMethod.objects.filter(active=True)), list(TaxRate.objects.filter(active=True)))

    @classmethod
    def kept(cls) -> "Rules":
        """Those of a minute ago at most, since every cart shows what they make."""
        return cache.get_or_set(RULES_KEY, cls.read, 60) or cls.read()

    @staticmethod
    def forget() -> None:
        """The next look reads them again."""
        cache.delete(RULES_KEY)

    def methods_to(self, country: str, currency: str) -> list[ShippingMethod]:
        """Those that go there, at a price that can be paid; the preferred one first."""
        return [one for one in self.methods if one.goes_to(country) and not has_excess_digits(one.price, currency)]

    def rate_at(self, country: str, region: str) -> TaxRate | None:
        """The rate of the region, else that of its country."""
        there = [rate for rate in self.rates if rate.country == country]
        name = region.strip().casefold()
        return next(
            (rate for rate in there if name in rate.spellings), next((rate for rate in there if not rate.region), None)
        )

    def regions_of(self, country: str) -> list[str]:
        """The regions of a country that have a rate of their own, by their first spelling."""
        return sorted(
            rate.region.split(",")[0].strip() for rate in self.rates if rate.country == country and rate.region
        )

    def countries(self) -> set[str] | None:
        """All that something is sent to; None for everywhere."""
        lists = [one.countries.replace(",", " ").split() for one in self.methods]
        return {code for codes in lists for code in codes} if all(lists) else None
