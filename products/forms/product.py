"""Admin form for products."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from products.forms.groups import GroupField, group_choices
from products.forms.stock import MAX_STOCK, MAX_STOCK_CHANGE
from products.images.uploads import PictureField
from products.models import Product
from products.models.product import WITHDRAWAL_DAYS

MAX_WITHDRAWAL_DAYS = 366


class ProductForm(forms.ModelForm):
    """Admin form for a product.

    The stock is changed by a difference and never overwritten, because sales continue while the form is open.
    """

    stock_change = forms.IntegerField(
        label=gettext_lazy("Change stock by"),
        required=False,
        min_value=-MAX_STOCK_CHANGE,
        max_value=MAX_STOCK_CHANGE,
        help_text=gettext_lazy("For example 12 for a delivery, -1 for a breakage."),
    )
    is_unlimited = forms.BooleanField(label=gettext_lazy("Unlimited stock"), required=False)
    group = GroupField(
        label=gettext_lazy("Group"),
        help_text=gettext_lazy("Products of a group are variants of each other. Shoppers choose between them."),
    )
    depends_on: ClassVar[dict[str, tuple[str, ...]]] = {"stock_change": ("is_unlimited",)}

    class Meta:
        model = Product
        exclude = ["stock"]  # noqa: DJ006 - Staff can edit all other fields.
        field_classes: ClassVar[dict[str, Any]] = {"image": PictureField}
        help_texts: ClassVar[dict[str, Any]] = {
            "title": gettext_lazy("With the choice if it is a variant, for example “Mug, teal”."),
            "sku": gettext_lazy("Your own number for this product. No other product has it."),
            "category": gettext_lazy("Where shoppers find it. Leave empty for none."),
            "description": gettext_lazy(
                "Plain text. Paragraphs below a line such as “Care:” are folded, and the line is their title."
            ),
            "stock": gettext_lazy("Orders change it, also while this page is open."),
            "choice": gettext_lazy("What makes this variant different, for example Teal or Large."),
            "second_option": gettext_lazy("Only if the variants differ in two ways."),
            "image_alt": gettext_lazy(
                "Describes the picture for people who cannot see it. Leave empty to use the title."
            ),
            "active": gettext_lazy("Shoppers find and buy only products that are for sale."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        is_new = kwargs.get("instance") is None
        if is_new:
            kwargs["initial"] = {"active": False} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        if is_new and "active" in self.fields:
            self.fields["active"].help_text = _(
                "A new product starts off sale, so that it appears in the shop only on purpose. "
                "Tick this when it is complete."
            )
        if "withdrawal_days" in self.fields:
            self.fields["withdrawal_days"].required = False
        if isinstance(group := self.fields.get("group"), GroupField):
            group.offer(group_choices())
        if is_new and "stock_change" in self.fields:
            self.fields["stock_change"].label = _("Units in stock")
            self.fields["stock_change"].help_text = _("Leave empty for 0.")
        if "is_unlimited" in self.fields:
            self.fields["is_unlimited"].initial = self.instance.stock is None and not self.instance._state.adding

    def clean_withdrawal_days(self) -> int:
        """Return the period of the law if the field is empty."""
        days: int | None = self.cleaned_data["withdrawal_days"]
        return WITHDRAWAL_DAYS if days is None else days

    def clean(self) -> dict[str, Any]:
        """Check the stock, that the choice of a variant is complete and unique, the title and the withdrawal period."""
        cleaned = super().clean() or {}
        errors = (*self._stock_errors(cleaned), *_variant_errors(cleaned), *_withdrawal_errors(cleaned))
        for message, field in errors:
            self.add_error(field, message)
        for message in title_errors(cleaned):
            self.add_error("title", message)
        if is_choice_taken(cleaned, self.instance.pk):
            self.add_error("choice", _("Another product of this group has the same choice."))
        return cleaned

    def _stock_errors(self, cleaned: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield a message if the change of the stock is impossible. The row of an existing product is locked."""
        change = cleaned.get("stock_change") or 0
        stock = (0 if self.instance._state.adding else self.instance.stock) or 0
        if change and cleaned.get("is_unlimited"):
            yield _("The stock was not changed: it is unlimited. Leave this empty."), "stock_change"
        elif stock + change < 0:
            text = _("The stock was not changed: it would be negative. In stock: %(stock)d.")
            yield text % {"stock": stock}, "stock_change"
        elif change > 0 and stock + change > MAX_STOCK:
            text = _("The stock was not changed: it can be at most %(most)d. In stock: %(stock)d.")
            yield text % {"most": MAX_STOCK, "stock": stock}, "stock_change"


def title_errors(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each choice that is not part of the title. Cart, orders and emails show only the title."""
    title = str(values.get("title") or "").casefold()
    for name in ("choice", "second_choice"):
        choice = str(values.get(name) or "")
        if choice and choice.casefold() not in title:
            text = _("Carts and orders show only the title, so it must include the choice: “%(choice)s” is missing.")
            yield text % {"choice": choice}


def is_choice_taken(values: Mapping[str, Any], pk: int | None = None) -> bool:
    """Return whether a product other than `pk` has the same choice in the same group."""
    names = ("group", "choice", "second_choice")
    key = {name: values.get(name) or "" for name in names}
    if not key["group"] or not key["choice"] or any(name not in values for name in names):
        return False
    others = Product.objects.filter(**key)
    return (others if pk is None else others.exclude(pk=pk)).exists()


def _withdrawal_errors(cleaned: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a message for a period that is too short or too long, and for a reason that is missing or not needed."""
    days, reason = cleaned.get("withdrawal_days"), cleaned.get("withdrawal_exclusion")
    if days is None:
        return
    if days and not WITHDRAWAL_DAYS <= days <= MAX_WITHDRAWAL_DAYS:
        params = {"least": WITHDRAWAL_DAYS, "most": MAX_WITHDRAWAL_DAYS}
        yield _("Enter 0, or a number from %(least)d to %(most)d.") % params, "withdrawal_days"
    if not days and not reason:
        yield _("Enter the reason, which shoppers see before they buy."), "withdrawal_exclusion"
    if days and reason:
        yield _("Leave this empty: shoppers can withdraw from the contract for this item."), "withdrawal_exclusion"


def _variant_errors(cleaned: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a message for each missing field of a variant, with the name of the field that shows it."""
    group, option, choice = (cleaned.get(name) for name in ("group", "option", "choice"))
    if choice and not group:
        yield _("Choose the group that links the variants, or enter a new one."), "group"
    if (group or choice) and not option:
        yield _("Enter the name of the option, for example Colour."), "option"
    if (group or option) and not choice:
        yield _("Enter the choice of this variant, for example Teal."), "choice"
    second_option, second_choice = cleaned.get("second_option"), cleaned.get("second_choice")
    if bool(second_option) != bool(second_choice) or (second_choice and not choice):
        yield _("A second option needs a choice and a first option."), "second_option"
