"""Mails as staff may read them in the admin: never sent, and no link in them opens anything that is not theirs."""

from typing import Any, ClassVar, cast

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp, csp_update
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from ecommerce.admin import ReadOnlyAdmin

# The mail's own page, shown in a frame of ours alone: its styles count, and nothing in it runs, loads or is sent.
MAIL_POLICY = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": True,
}


class PreviewAdmin(ReadOnlyAdmin):
    """Rows of mails, each with a page that shows what it says; and such a page for each kind, from a sample.

    `preview` makes the mail of a row, `sample` that of a kind; both without secrets, None if there is none.
    """

    change_form_template = "admin/mail.html"
    change_list_template = "admin/mails.html"
    preview_permissions: ClassVar[list[str]]
    preview: ClassVar[Any]
    sample: ClassVar[Any]

    def get_urls(self) -> list[Any]:
        """Four pages before those of every admin."""
        own, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("<int:pk>/preview/", own(self.preview_view), name=f"{name}_preview"),
            path("<int:pk>/preview/html/", own(self.html_view), name=f"{name}_preview_html"),
            path("samples/<slug:kind>/", own(self.preview_view), name=f"{name}_sample"),
            path("samples/<slug:kind>/html/", own(self.html_view), name=f"{name}_sample_html"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The row, with the link to what it says."""
        address = reverse(self._name("preview"), args=[object_id]) if object_id.isdecimal() else ""
        return super().change_view(request, object_id, form_url, {"preview_url": address} | (extra_context or {}))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The rows, with a link to a sample of each kind."""
        return super().changelist_view(request, {"samples": self._samples()} | (extra_context or {}))

    @method_decorator(csp_update({"frame-src": [SELF]}))
    def preview_view(self, request: HttpRequest, pk: int = 0, kind: str = "") -> HttpResponse:
        """Subject, receiver, text, and the HTML in a frame."""
        letter = self._letter(request, pk, kind)
        if letter is None:
            messages.info(
                request, _("There is nothing to preview: this email does not apply to any current order or account.")
            )
            return redirect(self._name("changelist"))
        name, key = ("preview_html", pk) if pk else ("sample_html", kind)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Email preview"),
            "letter": letter,
            "samples": self._samples(),
            "html_url": reverse(self._name(name), args=[key]),
        }
        return render(request, "admin/mail_preview.html", context)

    @method_decorator(csp(MAIL_POLICY))
    def html_view(self, request: HttpRequest, pk: int = 0, kind: str = "") -> HttpResponse:
        """The HTML of the mail alone, as a page without rights."""
        letter = self._letter(request, pk, kind)
        if not isinstance(letter, EmailMultiAlternatives):
            raise Http404
        return HttpResponse(str(letter.alternatives[0][0]), headers={"X-Frame-Options": "SAMEORIGIN"})

    def _letter(self, request: HttpRequest, pk: int, kind: str) -> EmailMessage | None:
        if not request.user.has_perms(self.preview_permissions):
            raise PermissionDenied
        if pk:
            row = self.get_object(request, str(pk))
            if row is None:
                raise Http404
            found = self.preview(row)
        elif kind in self._kinds():
            found = self.sample(kind)
        else:
            raise Http404
        return cast(EmailMessage | None, found)

    def _samples(self) -> list[tuple[str, str]]:
        """Address and words of each kind."""
        return [(reverse(self._name("sample"), args=[kind]), label) for kind, label in self._kinds().items()]

    def _kinds(self) -> dict[str, str]:
        return dict(self.model.Kind.choices)

    def _name(self, page: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
