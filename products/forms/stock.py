"""Forms of the stock page: one for each product, and one for the reason."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from products.models import Product, StockMovement

MAX_STOCK = 1_000_000  # The largest stock that staff can enter. The column can hold two thousand times as many.
MAX_STOCK_CHANGE = MAX_STOCK  # in units


class ReasonForm(forms.Form):
    """The reason for all changes that are saved together."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[("", gettext_lazy("Choose a reason")), *StockMovement.Reason.choices],
        error_messages={"required": gettext_lazy("Nothing was saved: choose a reason.")},
    )


class StockRowForm(forms.Form):
    """The new stock of a product, or the change. It sends the stock that the page showed."""

    shown = forms.IntegerField(widget=forms.HiddenInput)
    set_to = forms.IntegerField(required=False, min_value=0, max_value=MAX_STOCK)
    change_by = forms.IntegerField(required=False, min_value=-MAX_STOCK_CHANGE, max_value=MAX_STOCK_CHANGE)

    is_outdated = False  # whether the stock is another one than shown
    is_saved = False

    data: Any

    def __init__(self, data: Any = None, *, product: Product) -> None:
        self.product = product
        super().__init__(data, prefix=str(product.pk), initial={"shown": product.stock})
        labels = {"set_to": _("Set %(title)s to"), "change_by": _("Change %(title)s by")}
        for name, label in labels.items():
            attrs = {"aria-label": label % {"title": product.title}, "inputmode": "numeric"}
            self.fields[name].widget.attrs.update(attrs)

    @property
    def is_filled(self) -> bool:
        """Whether anything was entered."""
        return any(str(self[name].data or "").strip() for name in ("set_to", "change_by"))

    @property
    def difference(self) -> int:
        """The entered change in units. Only for a valid form."""
        set_to, change = self.cleaned_data["set_to"], self.cleaned_data["change_by"]
        return int(change or 0) if set_to is None else int(set_to - self.cleaned_data["shown"])

    def clean(self) -> dict[str, Any]:
        """Check the shown stock, that only one field is filled in, and that the result is within the limits."""
        cleaned = super().clean() or {}
        if "shown" in self.errors:
            del self.errors["shown"]
            self.is_outdated = True
            self.add_error(None, _("Not saved: this page did not say which stock it showed. Please save again."))
            return cleaned
        if cleaned["shown"] != self.product.stock:
            self.reject_as_outdated()
            return cleaned
        shown, change = cleaned["shown"], cleaned.get("change_by")
        if cleaned.get("set_to") is not None and change is not None:
            self.add_error("change_by", _("Fill in only one of the two fields."))
        elif change is not None and not 0 <= shown + change <= max(MAX_STOCK, shown):
            text = _("The result must be from 0 to %(most)d. In stock: %(stock)d.")
            self.add_error("change_by", text % {"most": MAX_STOCK, "stock": shown})
        return cleaned

    def reject_as_outdated(self) -> None:
        """Add the error that the stock is another one than shown."""
        self.is_outdated = True
        self.add_error(None, _("Not saved: the stock was changed while this page was open."))

    def show(self, stock: int | None) -> None:
        """Keep what was entered, but send this stock as the shown one when the form is submitted again."""
        self.data = self.data.copy()
        self.data[self.add_prefix("shown")] = "" if stock is None else str(stock)
