"""The page of a customer: an account, or the guests with one email address."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.email_addresses import same_email
from accounts.models import User
from billing.models import BillingProfile
from core.admin import ReadOnlyAdmin, record_action
from orders.admin.customers.customer_list import CustomerListMixin, sums
from orders.admin.customers.emails import emails_to
from orders.admin.customers.forms import NoteForm, PickGuestsForm
from orders.admin.erasure import ErasePersonMixin
from orders.customers.facts import MAX_GUESTS, MAX_ORDERS, Customer, Guest
from orders.customers.notes import CustomerNote
from orders.workflow.erasure import Person, person_of_profile
from orders.workflow.personal_data import export_guest, export_personal_data


@admin.register(BillingProfile)
class CustomerAdmin(ErasePersonMixin, CustomerListMixin, ReadOnlyAdmin):
    """Customers. Each profile of the same account or the same guest email shows the same page."""

    def get_urls(self) -> list[Any]:
        """Add the pages that export a customer's data and add a note."""
        wrap, name = self.admin_site.admin_view, "billing_billingprofile"
        return [
            path("<path:object_id>/export/", wrap(self.export_view), name=f"{name}_export"),
            path("<path:object_id>/note/", wrap(self.note_view), name=f"{name}_note"),
            *super().get_urls(),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow seeing customers for those who may see accounts too."""
        return request.user.has_perm("accounts.view_user") and super().has_view_permission(request, obj)

    def get_person(self, obj: BillingProfile) -> Person | None:
        """Return the account or the guest of this profile."""
        return person_of_profile(obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the customer. The profile of a claimed guest order leads to the page of its account."""
        obj = self.get_object(request, object_id)
        if request.method == "POST" or not self.has_view_permission(request, obj):
            raise PermissionDenied
        if obj is None:
            messages.warning(request, _("There is no customer with this number."))
            return redirect("admin:billing_billingprofile_changelist")
        customer = Customer.of_profile(obj)
        return self._show(request, customer) if customer.profile == obj else redirect(_page_of(customer.profile))

    def _show(self, request: HttpRequest, customer: Customer, note_form: NoteForm | None = None) -> HttpResponse:
        guests, summary = customer.tickable(), customer.summary()
        user = customer.person.user if customer.person else None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": (user.name if user else "") or customer.profile.email or str(customer.profile),
            "customer": customer,
            "account": user,
            "guests": guests,
            "summary": summary,
            "spent": sums(summary.spent),
            "refunded": sums(summary.refunded),
            "is_cut": len(guests) == MAX_GUESTS or summary.orders > MAX_ORDERS,
            "orders": self._orders(request, customer),
            "may_see_orders": request.user.has_perm("orders.view_order"),
            "since": min([guest.profile.timestamp for guest in guests], default=customer.profile.timestamp),
            "note_form": note_form or NoteForm(guests=[] if user else guests),
            "may_export": self.may_erase(request, customer.profile, customer.person),
            "notes": _notes(customer, guests) if request.user.has_perm("orders.view_customernote") else None,
            **self._further(request, customer),
        }
        return render(request, "orders/admin/customers/customer.html", context)

    def _orders(self, request: HttpRequest, customer: Customer) -> Any:
        """Return the orders of an account or an erased customer. Those of guests are in the table with the ticks."""
        is_shown = customer.is_account or customer.person is None
        return customer.orders[:MAX_ORDERS] if is_shown and request.user.has_perm("orders.view_order") else []

    def _further(self, request: HttpRequest, customer: Customer) -> dict[str, Any]:
        """Return what only some of staff may see. What is missing is None."""
        may, person = request.user.has_perm, customer.person
        user = person.user if person else None
        same: Any = User.objects.none() if user or not person else _accounts_with(customer.profile.email)
        return {
            "addresses": customer.addresses() if may("addresses.view_address") else None,
            "cards": customer.cards() if may("billing.view_card") else None,
            "emails": emails_to(person, request.user) if person else [],
            "sign_ins": user.sign_ins.current()[:10] if user else None,
            "same_account": same.first(),
        }

    # Export and erasure

    def _picked(self, request: HttpRequest, customer: Customer) -> list[BillingProfile] | None:
        """Return the guests that were ticked, or None, with a message, if they cannot be used."""
        form = PickGuestsForm(request.POST, guests=customer.guests, is_required=not customer.is_account)
        if form.is_valid():
            return list(form.cleaned_data["guests"])
        for error in form.errors["guests"]:
            messages.error(request, str(error))
        return None

    def export_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send the data of an account or of the ticked guests, as the shopper's own download has it."""
        obj = self.get_object(request, object_id)
        customer = Customer.of_profile(obj) if obj else None
        if obj is None or customer is None or not self.may_erase(request, obj, customer.person):
            return self._reject(request, obj)
        picked = self._picked(request, customer) if request.method == "POST" else None
        if picked is None:
            return redirect(_page_of(obj))
        data = _exported(customer, picked)
        rows = [customer.profile, *picked] if customer.is_account else picked
        record_action(request, rows, gettext_lazy("Exported the personal data."))
        response = JsonResponse(data, json_dumps_params={"indent": 2, "ensure_ascii": False})
        name = f"customer-data-{timezone.localdate():%Y-%m-%d}.json"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def erase_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the erasure of an account or of the ticked guests does, and erase them when it is confirmed."""
        obj = self.get_object(request, object_id)
        customer = Customer.of_profile(obj) if obj else None
        if obj is None or customer is None or not self.may_erase(request, obj, customer.person):
            return self._reject(request, obj)
        picked = self._picked(request, customer)
        if picked is None:
            return redirect(_page_of(obj))
        person = customer.with_picked(picked)
        if request.method == "POST" and "confirmed" in request.POST and self.erase(request, person):
            return self._redirect_to_rest(customer)
        numbers = list(person.orders.placed().order_by("pk").values_list("order_id", flat=True))
        return self.show_erasure(request, obj, person, {"picked": picked, "numbers": numbers})

    def _reject(self, request: HttpRequest, obj: BillingProfile | None) -> HttpResponse:
        """Redirect with a message if the person is erased already. Reject everything else."""
        is_erased = obj is None or self.get_person(obj) is None
        if is_erased and self._may_erase_any(request):
            return self._redirect_from_erased(request, obj)
        raise PermissionDenied

    def _redirect_to_rest(self, customer: Customer) -> HttpResponse:
        """Redirect to a guest with the same email address who was not erased, or to the list."""
        rest = customer.guests.first()
        return redirect(_page_of(rest) if rest else "admin:billing_billingprofile_changelist")

    # Notes

    def note_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add a note about the customer."""
        obj = self.get_object(request, object_id)
        may_add = request.user.has_perm("orders.add_customernote") and self.has_view_permission(request, obj)
        if obj is None or not may_add:
            raise PermissionDenied
        customer = Customer.of_profile(obj)
        if request.method != "POST" or customer.person is None:
            return redirect(_page_of(obj))
        guests: list[Guest] = [] if customer.is_account else customer.tickable()
        form = NoteForm(request.POST, guests=guests)
        if not form.is_valid():
            return self._show(request, customer, form)
        about = int(form.cleaned_data.get("about") or customer.profile.pk)
        note = CustomerNote(billing_profile_id=about, text=form.cleaned_data["text"], by=request.user.get_username())
        note.save()
        record_action(request, [note.billing_profile], gettext_lazy("Added a note."))
        messages.success(request, _("The note was added."))
        return redirect(_page_of(obj))


def _page_of(profile: BillingProfile) -> str:
    return reverse("admin:billing_billingprofile_change", args=[profile.pk])


def _notes(customer: Customer, guests: list[Guest]) -> list[tuple[CustomerNote, str]]:
    """Return the notes, each with the orders of the guest that it is about if there are several guests."""
    labels = {guest.profile.pk: guest.label for guest in guests} if len(guests) > 1 and not customer.is_account else {}
    return [(note, labels.get(note.billing_profile_id, "")) for note in customer.notes()]


def _accounts_with(email: str) -> Any:
    """Return the accounts with this email address, which nobody verified to be the guest's."""
    return User.objects.filter(same_email("email", email)) if email else User.objects.none()


def _exported(customer: Customer, picked: list[BillingProfile]) -> dict[str, Any]:
    """Return the data of the account, together with that of the ticked guests, or only of these guests."""
    guest = export_guest(Person.of_guest([profile.pk for profile in picked])) if picked else {}
    if customer.person and customer.person.user:
        return export_personal_data(customer.person.user) | ({"guest": guest} if guest else {})
    return guest
