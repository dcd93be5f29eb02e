"""The page of the admin that erases a person, from an account, an order or a guest email."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import rights
from billing.models import BillingProfile
from core.admin.edit_admin import RowsField
from core.times import format_date
from orders.models import Order
from orders.workflow import erasure


class GuestChoiceField(RowsField):
    """A choice of guests. Each label has the guest's email address, the day it was entered, and the placed orders."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: BillingProfile) -> str:
        placed = Order.objects.placed().filter(billing_profile=obj).order_by("pk")
        numbers = ", ".join(placed.values_list("order_id", flat=True)) or _("no order")
        return f"{obj.email}, {format_date(obj.timestamp)}: {numbers}"


class ErasePersonForm(forms.Form):
    """Form that asks which other guests with the same email address are the same person."""

    also = GuestChoiceField(
        label=gettext_lazy("Other guests with the same email address"), queryset=None, required=False
    )

    def __init__(self, *args: Any, others: QuerySet[BillingProfile], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["also"].queryset = others  # type: ignore[attr-defined]


class ErasePersonMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Mixin for admins whose rows belong to a person. Their pages link to the page that erases the person."""

    change_form_template = "orders/admin/erase_link.html"

    def get_person(self, obj: Any) -> erasure.Person | None:
        """Return the person to whom this row belongs, or None if they are erased."""
        raise NotImplementedError

    def get_urls(self) -> list[Any]:
        """Add the erasure page below the URL of the row."""
        view = self.admin_site.admin_view(self.erase_view)
        return [path("<path:object_id>/erase/", view, name=self._erase_url_name()), *super().get_urls()]

    def _erase_url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_erase"

    def may_erase(self, request: HttpRequest, obj: Any, person: erasure.Person | None) -> bool:
        """Check the permission. Staff cannot erase themselves, and only superusers erase accounts with rights."""
        if person is None or not request.user.has_perm("accounts.erase_person"):
            return False
        is_allowed = person.user is None or (
            person.user.pk != request.user.pk and rights.may_change_user(request.user, person.user)
        )
        return is_allowed and self.has_view_permission(request, obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the row, with a link to the erasure page for staff who may use it."""
        obj = self.get_object(request, object_id)
        context = self.erase_link(request, obj, self.get_person(obj) if obj else None)
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def erase_link(self, request: HttpRequest, obj: Any, person: erasure.Person | None) -> dict[str, Any]:
        """Return what `erase_tool.html` needs. Of the person, only the user counts."""
        can_erase = self.may_erase(request, obj, person)
        context: dict[str, Any] = {"can_erase": can_erase, "is_erasing_user": bool(person and person.user)}
        return context | ({"erase_url": reverse(f"admin:{self._erase_url_name()}", args=[obj.pk])} if can_erase else {})

    def erase_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what an erasure does and what blocks it, and erase the person on POST."""
        obj = self.get_object(request, object_id)
        person = self.get_person(obj) if obj else None
        if person is None and self._may_erase_any(request):
            return self._redirect_from_erased(request, obj)
        if person is None or not self.may_erase(request, obj, person):
            raise PermissionDenied
        form = ErasePersonForm(request.POST if request.method == "POST" else None, others=person.other_guests())
        if form.is_valid() and self.erase(request, person.with_guests(form.cleaned_data["also"])):
            is_left = self.has_view_permission(request) and self.get_object(request, object_id)
            view, args = ("change", [object_id]) if is_left else ("changelist", [])
            return redirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{view}", args=args))
        return self.show_erasure(request, obj, person, {"form": form})

    def show_erasure(
        self, request: HttpRequest, obj: Any, person: erasure.Person, extra_context: dict[str, Any]
    ) -> HttpResponse:
        """Show what the erasure of this person does, and what blocks it."""
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": obj, "person": person}
        context |= {"preview": erasure.preview(person), "retained": erasure.RETAINED}
        context["emails"] = [held.email for held in person.emails()]
        context["title"] = _("Erase this person") if person.user else _("Erase this guest's data")
        return render(request, "orders/admin/erase.html", context | extra_context)

    def _may_erase_any(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.erase_person") and self.has_view_permission(request)

    def _redirect_from_erased(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Redirect to the row, or to the list if it is gone, with a message. The button can be pressed twice."""
        messages.info(request, _("There is no personal data of this person left to erase."))
        view, args = ("change", [obj.pk]) if obj else ("changelist", [])
        return redirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{view}", args=args))

    def erase(self, request: HttpRequest, person: erasure.Person) -> bool:
        """Erase the person. Return False, with a message, if that is not possible now.

        The message tells a member of staff if a colleague has just erased the person.
        """
        try:
            is_done = erasure.erase_person(person, by=request.user)  # type: ignore[arg-type]
        except erasure.ErasureRejected as error:
            messages.error(request, _("Nothing was erased. %(reason)s") % {"reason": error})
            return False
        if is_done:
            messages.success(request, _("The personal data has been erased."))
        else:
            messages.info(request, _("There is no personal data of this person left to erase."))
        return True
