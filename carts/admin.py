"""Admin for carts (read-only), shipping methods, tax rates and discount codes."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from addresses.countries import country_choices
from carts.models import Cart, CartItem
from carts.models.rates import Discount, ShippingMethod, TaxRate
from core.admin import ReadOnlyAdmin, ReadOnlyInline


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
        return ", ".join(dict.fromkeys(codes))


@admin.register(ShippingMethod)
class ShippingMethodAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
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
    """Form for tax rates, with country names to choose from."""

    country = forms.TypedChoiceField(
        label=gettext_lazy("Country"), choices=lambda: [("", "---------"), *country_choices()]
    )

    class Meta:
        model = TaxRate
        fields = "__all__"  # noqa: DJ007 - every field is for staff to edit


@admin.register(TaxRate)
class TaxRateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Admin for tax rates."""

    form = TaxRateForm
    list_display = ["title", "country", "region", "percent", "on_shipping", "active"]
    list_editable = ["active"]
    list_filter = ["active", "country"]
    search_fields = ["title", "country", "region"]


@admin.register(Discount)
class DiscountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Admin for discount codes. A code that orders use cannot be deleted, so staff deactivate it instead."""

    list_display = ["code", "kind", "value", "minimum", "starts", "ends", "uses", "uses_limit", "active"]
    list_editable = ["active"]
    list_filter = ["active", "kind", "ends"]
    search_fields = ["code"]

    def get_readonly_fields(self, request: HttpRequest, obj: Discount | None = None) -> list[str]:
        """Make the code of an existing discount read-only, so that it stays the same as on orders."""
        return ["code", "uses"] if obj else ["uses"]
