"""Admin for carts (read-only), shipping methods, tax rates and discount codes."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Min, Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from addresses.countries import country_choices, is_destination, no_delivery_message
from addresses.country_rules import region_choices, region_key
from carts.models import Cart, CartItem, WrongCode
from carts.models.rates import Discount, ShippingMethod, TaxRate
from carts.pricing.charge_limits import discount_warning
from carts.pricing.rules import PricingRules
from core.admin import (
    DeletionAdmin,
    EditAdmin,
    Plan,
    ReadOnlyAdmin,
    ReadOnlyInline,
    confirmed_action,
    record_action,
)
from products.models import Product


class CartItemInline(ReadOnlyInline):
    """The lines of a cart."""

    model = CartItem
    fields = ["product", "quantity"]


@admin.register(Cart)
class CartAdmin(ReadOnlyAdmin):
    """Read-only admin for carts."""

    list_display = ["id", "user", "billing_profile", "subtotal", "discount_code", "active", "updated"]
    list_filter = ["active", "updated"]
    list_select_related = ["user", "billing_profile"]
    search_fields = ["user__email", "billing_profile__email", "discount_code"]
    inlines = [CartItemInline]


class ShippingMethodForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for mypy
    """Form for shipping methods. Country codes can be in any case, separated by spaces or commas."""

    class Meta:
        model = ShippingMethod
        fields = "__all__"  # noqa: DJ007 - every field is for staff to edit
        widgets: ClassVar[dict[str, Any]] = {"countries": forms.Textarea(attrs={"rows": 2})}

    def clean_countries(self) -> str:
        """Return the country codes in uppercase, comma-separated. Raise ValidationError for an unknown code."""
        codes = self.cleaned_data["countries"].upper().replace(",", " ").split()
        known = dict(country_choices())
        if wrong := [code for code in codes if code not in known]:
            raise ValidationError(_("There is no country with the code %(code)s.") % {"code": wrong[0][:10]})
        if outside := [code for code in codes if not is_destination(code)]:
            raise ValidationError(no_delivery_message(outside[0]))
        return ", ".join(dict.fromkeys(codes))


@admin.register(ShippingMethod)
class ShippingMethodAdmin(EditAdmin):
    """Admin for shipping methods and their prices."""

    form = ShippingMethodForm
    list_display = ["title", "price", "free_from", "served_countries", "weight_from", "weight_to", "position", "active"]
    list_editable = ["position", "active"]
    list_filter = ["active"]
    search_fields = ["title", "countries"]

    @admin.display(description=gettext_lazy("countries"))
    def served_countries(self, method: ShippingMethod) -> str:
        return method.countries or _("everywhere")


class TaxRateForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for mypy
    """Form for tax rates, with countries and regions to choose from.

    The value of a region consists of the country and the region's key, because keys are unique only in their country.
    """

    country = forms.TypedChoiceField(label=gettext_lazy("Country"))
    region = forms.CharField(
        label=gettext_lazy("State or region"),
        required=False,
        widget=forms.Select,
        help_text=TaxRate._meta.get_field("region").help_text,
    )

    class Meta:
        model = TaxRate
        fields = "__all__"  # noqa: DJ007 - every field is for staff to edit

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = self.instance.country
        countries = [pair for pair in country_choices() if is_destination(pair[0]) or pair[0] == own]
        self.fields["country"].choices = [("", "---------"), *countries]  # type: ignore[attr-defined]
        groups = [(name, _region_options(code)) for code, name in countries]
        regions = [("", "---------"), *(group for group in groups if group[1])]
        region = self.instance.region
        if region:
            key = region_key(own, region.split(",")[0])
            is_listed = len(self.instance.region_keys) == 1 and not self.instance.has_unknown_region
            self.initial["region"] = f"{own}:{key}" if is_listed else region
            regions += [] if is_listed else [(region, region)]  # an old rate that its staff have to correct
        self.fields["region"].widget.choices = regions

    def clean_region(self) -> str:
        """Return the region without its country. The model checks whether it is a region of the selected country."""
        text: str = self.cleaned_data["region"]
        return text.removeprefix(f"{self.cleaned_data.get('country')}:")


def _region_options(country: str) -> list[tuple[str, str]]:
    return [(f"{country}:{key}", label) for key, label in region_choices(country)]


@admin.register(TaxRate)
class TaxRateAdmin(EditAdmin):
    """Admin for tax rates."""

    form = TaxRateForm
    list_display = ["title", "country", "region", "percent", "on_shipping", "active"]
    list_editable = ["active"]
    list_filter = ["active", "country"]
    search_fields = ["title", "country", "region"]


DEACTIVATE = Plan(
    effect=gettext_lazy("Shoppers can no longer use these codes. Orders that were placed keep their discount."),
    obstacle=lambda discount: "" if discount.active else _("It is not active now."),
)


@admin.register(Discount)
class DiscountAdmin(DeletionAdmin):
    """Admin for discount codes. A code that orders use cannot be deleted, so staff deactivate it instead."""

    list_display = ["code", "kind", "value", "minimum", "starts", "ends", "uses", "uses_limit", "active"]
    list_editable = ["active"]
    list_filter = ["active", "kind", "ends"]
    search_fields = ["code"]
    actions = ["deactivate", "delete_selected"]
    in_use = Q(orders__isnull=False)
    in_use_reason = gettext_lazy(
        "Codes that orders used are needed for bookkeeping. Deactivate them instead: shoppers can then no longer use"
        " them."
    )
    instead = "deactivate"

    @confirmed_action(gettext_lazy("Deactivate"), ["change"], DEACTIVATE)
    def deactivate(self, request: HttpRequest, rows: list[Discount]) -> None:
        count = Discount.objects.filter(pk__in=[row.pk for row in rows]).update(active=False)
        record_action(request, rows, gettext_lazy("Deactivated."))
        text = ngettext("%(count)d code is not active now.", "%(count)d codes are not active now.", count)
        self.report_done(request, text, count)

    def get_readonly_fields(self, request: HttpRequest, obj: Discount | None = None) -> list[str]:
        """Make the code of an existing discount read-only, so that it stays the same as on orders."""
        return ["code", "uses"] if obj else ["uses"]

    def save_model(self, request: HttpRequest, obj: Discount, form: Any, change: bool) -> None:
        """Save the code, and warn if it takes orders to the smallest amount that can be charged."""
        super().save_model(request, obj, form, change)
        cheapest = Product.objects.active().aggregate(Min("price"))["price__min"] or Decimal(0)
        methods = PricingRules.from_database().usable_methods(settings.CURRENCY)
        if obj.active and (warning := discount_warning(obj, methods, cheapest)):
            messages.warning(request, warning)


@admin.register(WrongCode)
class WrongCodeAdmin(ReadOnlyAdmin):
    """Wrong discount codes of the last day. Many from one IP address indicate that somebody guesses codes."""

    list_display = ["timestamp", "address", "session"]
    list_filter = ["timestamp"]
    search_fields = ["=address", "=session"]
