"""The page on which staff add notes to an order."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import ReadOnlyAdmin, record_action
from orders.correction_forms import NoteForm
from orders.models import Order
from orders.workflow.corrections import NoteRejected, add_note


class NotesMixin(ReadOnlyAdmin):
    """Adds notes to one order. The shopper does not see them."""

    def has_note_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.add_ordernote") and self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the page below the order's URL."""
        view = self.admin_site.admin_view(self.note_view)
        return [path("<int:pk>/note/", view, name="orders_order_note"), *super().get_urls()]

    def note_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the form above the notes that there are, and add a note on POST."""
        if not self.has_note_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order.objects.placed(), pk=pk)
        form = NoteForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._add_note(request, order, form.cleaned_data["text"])
        notes = order.notes.all() if request.user.has_perm("orders.view_ordernote") else []
        context = {**self.admin_site.each_context(request), "order": order, "opts": self.opts, "form": form}
        context |= {"notes": notes, "title": _("Add a note")}
        return render(request, "orders/admin/note.html", context)

    def _add_note(self, request: HttpRequest, order: Order, text: str) -> HttpResponse:
        """Add the note. The log says only that there is one, because an erasure clears its text."""
        try:
            is_new = add_note(order, text, by=request.user.get_username())
        except NoteRejected as error:
            messages.error(request, str(error))
        else:
            if is_new:
                record_action(request, [order], gettext_lazy("Added a note."))
            messages.success(request, _("The note was added."))
        return redirect(reverse("admin:orders_order_change", args=[order.pk]))
