"""Admin forms for products and their pictures."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from products.images.uploads import PictureField
from products.models import Picture, Product
from products.models.product import WITHDRAWAL_DAYS

MAX_WITHDRAWAL_DAYS = 366
MAX_STOCK_CHANGE = 1_000_000  # The largest stock change in units. The column can hold two thousand times as many.


class ProductForm(forms.ModelForm):
    """Admin form for a product.

    The stock is changed by a difference and never overwritten, because sales continue while the form is open.
    """

    stock_change = forms.IntegerField(
        label=gettext_lazy("change stock by"),
        required=False,
        min_value=-MAX_STOCK_CHANGE,
        max_value=MAX_STOCK_CHANGE,
        help_text=gettext_lazy("For example 12 for a delivery, -1 for a breakage."),
    )
    is_unlimited = forms.BooleanField(label=gettext_lazy("unlimited stock"), required=False)
    depends_on: ClassVar[dict[str, tuple[str, ...]]] = {"stock_change": ("is_unlimited",)}

    class Meta:
        model = Product
        exclude = ["stock"]  # noqa: DJ006 - Staff can edit all other fields.
        field_classes: ClassVar[dict[str, Any]] = {"image": PictureField}

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
        self.fields["is_unlimited"].initial = self.instance.stock is None and not self.instance._state.adding

    def clean_withdrawal_days(self) -> int:
        """Return the period of the law if the field is empty."""
        days: int | None = self.cleaned_data["withdrawal_days"]
        return WITHDRAWAL_DAYS if days is None else days

    def clean(self) -> dict[str, Any]:
        """Check that the choice of a variant is complete and that the title contains it. Check the withdrawal period.

        The cart, orders and emails show only the title.
        """
        cleaned = super().clean() or {}
        for message, field in (*_variant_errors(cleaned), *_withdrawal_errors(cleaned)):
            self.add_error(field, message)
        self._check_title(cleaned)
        return cleaned

    def _check_title(self, cleaned: dict[str, Any]) -> None:
        """Add an error for each choice that is not part of the title."""
        title = str(cleaned.get("title") or "").casefold()
        for name in ("choice", "second_choice"):
            choice = str(cleaned.get(name) or "")
            if choice and choice.casefold() not in title:
                text = _(
                    "Carts and orders show only the title, so it must include the choice: “%(choice)s” is missing."
                )
                self.add_error("title", text % {"choice": choice})


class PictureForm(forms.ModelForm):
    """Admin form for an additional picture. The file is required."""

    class Meta:
        model = Picture
        fields: ClassVar[list[str]] = ["image", "image_alt", "position"]
        field_classes: ClassVar[dict[str, Any]] = {"image": PictureField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["image"].required = True


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
        yield _("Enter the group that links the variants."), "group"
    if (group or choice) and not option:
        yield _("Enter the name of the option, for example Colour."), "option"
    if (group or option) and not choice:
        yield _("Enter the choice of this variant, for example Teal."), "choice"
    second_option, second_choice = cleaned.get("second_option"), cleaned.get("second_choice")
    if bool(second_option) != bool(second_choice) or (second_choice and not choice):
        yield _("A second option needs a choice and a first option."), "second_option"
