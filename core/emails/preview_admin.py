"""Email previews in the admin. Previews are not sent and contain no secret links."""

from typing import Any, ClassVar, cast

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp, csp_update
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from core.admin import ReadOnlyAdmin

# For the HTML of an email message, which only our own pages can frame. Inline styles are allowed. Scripts, other
# resources and forms are not.
EMAIL_POLICY = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": True,
}


class DeliveryFilter(admin.SimpleListFilter):
    """List filter of outbox rows by what became of them."""

    title = _lazy("delivery")
    parameter_name = "delivery"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices of the filter."""
        return [
            ("undelivered", _("Late or refused lately")),
            ("waiting", _("Waiting")),
            ("sent", _("Sent")),
            ("undeliverable", _("Undeliverable")),
            ("not_needed", _("Closed, no longer needed")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the rows of the chosen state."""
        states = {
            "undelivered": queryset.undelivered,
            "waiting": lambda: queryset.filter(sent=None, dropped=None),
            "sent": lambda: queryset.exclude(sent=None),
            "undeliverable": queryset.undeliverable,
            "not_needed": lambda: queryset.exclude(dropped=None).filter(refusal=""),
        }
        state = states.get(self.value() or "")
        return state() if state else queryset


class EmailPreviewAdmin(ReadOnlyAdmin):
    """An admin of outbox rows with a preview page for each row and for each kind of email.

    Subclasses provide `build_row_preview`, which builds the email message of a row, and `build_kind_preview`, which
    builds an example of a kind. Both return a message without secrets, or None if there is no message to show.
    """

    change_form_template = "admin/email_change_form.html"
    change_list_template = "admin/email_change_list.html"
    preview_permissions: ClassVar[list[str]]
    build_row_preview: ClassVar[Any]
    build_kind_preview: ClassVar[Any]

    def get_urls(self) -> list[Any]:
        """Add the four preview pages to the URLs of the admin."""
        wrap, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("<int:pk>/preview/", wrap(self.preview_view), name=f"{name}_preview"),
            path("<int:pk>/preview/html/", wrap(self.html_view), name=f"{name}_preview_html"),
            path("samples/<slug:kind>/", wrap(self.preview_view), name=f"{name}_sample"),
            path("samples/<slug:kind>/html/", wrap(self.html_view), name=f"{name}_sample_html"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the row with a link to its preview, for staff who may see it."""
        is_linked = object_id.isascii() and object_id.isdecimal() and self._may_preview(request)
        url = reverse(self._url_name("preview"), args=[object_id]) if is_linked else ""
        return super().change_view(request, object_id, form_url, {"preview_url": url} | (extra_context or {}))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list with a link to a preview of each kind, for staff who may see them."""
        links = self._preview_links() if self._may_preview(request) else []
        return super().changelist_view(request, {"preview_links": links} | (extra_context or {}))

    @method_decorator(csp_update({"frame-src": [SELF]}))
    def preview_view(self, request: HttpRequest, pk: int = 0, kind: str = "") -> HttpResponse:
        """Show the subject, the recipient, the text, and the HTML in a frame."""
        message = self._message(request, pk, kind)
        if message is None:
            messages.info(
                request, _("There is nothing to preview: this email does not apply to any current order or account.")
            )
            return redirect(self._url_name("changelist"))
        name, key = ("preview_html", pk) if pk else ("sample_html", kind)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Email preview"),
            "email_message": message,
            "preview_links": self._preview_links(),
            "html_url": reverse(self._url_name(name), args=[key]),
        }
        return render(request, "admin/email_preview.html", context)

    @method_decorator(csp(EMAIL_POLICY))
    def html_view(self, request: HttpRequest, pk: int = 0, kind: str = "") -> HttpResponse:
        """Return only the HTML of the message, as a page with a strict Content-Security-Policy."""
        message = self._message(request, pk, kind)
        if not isinstance(message, EmailMultiAlternatives):
            raise Http404
        return HttpResponse(str(message.alternatives[0][0]), headers={"X-Frame-Options": "SAMEORIGIN"})

    def _message(self, request: HttpRequest, pk: int, kind: str) -> EmailMessage | None:
        if not self._may_preview(request):
            raise PermissionDenied
        if pk:
            row = self.get_object(request, str(pk))
            if row is None:
                raise Http404
            message = self.build_row_preview(row)
        elif kind in self._kinds():
            message = self.build_kind_preview(kind)
        else:
            raise Http404
        return cast(EmailMessage | None, message)

    def _may_preview(self, request: HttpRequest) -> bool:
        return request.user.has_perms(self.preview_permissions)

    def _preview_links(self) -> list[tuple[str, str]]:
        """Return the URL and the label of each kind."""
        return [(reverse(self._url_name("sample"), args=[kind]), label) for kind, label in self._kinds().items()]

    def _kinds(self) -> dict[str, str]:
        return dict(self.model.Kind.choices)

    def _url_name(self, page: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
