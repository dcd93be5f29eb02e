"""Admin for the pages that staff write, and for their published versions."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from core.admin import DeletionAdmin, Plan, ReadOnlyAdmin, ReadOnlyInline, confirmed_action, record_action
from core.pages.facts import FACTS, unknown_placeholders
from core.pages.models import Page, PageText
from core.pages.publishing import draft_digest, make_preview, publish, unpublish

PUBLISH = Plan(
    effect=gettext_lazy("Visitors will see the current drafts of these pages. New orders refer to the new versions."),
    version=draft_digest,
)
UNPUBLISH = Plan(
    effect=gettext_lazy(
        "Visitors can no longer find these pages. Their versions stay for the orders that refer to them."
    ),
    obstacle=lambda page: "" if page.is_published else _("It is not published."),
)


class PageForm(forms.ModelForm):
    """A page. Its draft is Markdown with placeholders for facts about the shop."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)

    class Meta:
        model = Page
        fields = ("kind", "language", "title", "slug", "draft", "column", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "draft" in self.fields:
            names = ", ".join(f"{{{name}}} ({fact.meaning})" for name, fact in FACTS.items())
            text = _("Markdown. Facts about the shop replace these placeholders when the page is published: %(names)s.")
            self.fields["draft"].help_text = text % {"names": names}

    def clean_draft(self) -> str:
        """Return the draft. Raise ValidationError if it has a placeholder that does not exist."""
        draft: str = self.cleaned_data["draft"]
        if unknown := unknown_placeholders(draft):
            raise ValidationError(
                _("There is no such placeholder: %(names)s.") % {"names": ", ".join(f"{{{name}}}" for name in unknown)}
            )
        return draft


class PageTextInline(ReadOnlyInline):
    """The published versions of a page."""

    model = PageText
    fields = ["number", "title", "published_at"]
    ordering = ["-number"]
    show_change_link = True


class PageAdmin(DeletionAdmin):
    """Pages with their drafts. A page is published from its preview or from the list."""

    form = PageForm
    change_form_template = "pages/admin/page.html"
    inlines = (PageTextInline,)
    list_display = ["title", "kind", "language", "is_published", "column", "position"]
    list_filter = ["kind", "language", "is_published"]
    search_fields = ["title", "slug"]
    readonly_fields = ["is_published", "updated"]
    prepopulated_fields = {"slug": ["title"]}
    actions = ["publish", "unpublish", "delete_selected"]
    in_use = Q(texts__isnull=False)
    in_use_reason = gettext_lazy(
        "The versions of a published page are kept, because orders refer to them. Unpublish the page instead: visitors "
        "can then no longer find it."
    )

    def get_urls(self) -> list[Any]:
        """Add the pages that preview and publish a draft."""
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/preview/", wrap(self.preview_view), name="core_page_preview"),
            path("<int:pk>/publish/", wrap(require_POST(self.publish_view)), name="core_page_publish"),
            *super().get_urls(),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Page | None = None) -> list[str]:
        """Return the fields that stay as they are. Versions belong to one kind and language."""
        fixed = ["kind", "language"] if obj and obj.texts.exists() else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    def get_view_on_site_url(self, obj: Page | None = None) -> str | None:
        """Return the URL of the page, if it is published."""
        return super().get_view_on_site_url(obj) if obj and obj.is_published else None

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("core.publish_page")

    @confirmed_action(gettext_lazy("Publish selected pages"), ["publish"], PUBLISH)
    def publish(self, request: HttpRequest, rows: list[Page]) -> None:
        """Publish the drafts that the page before has listed."""
        rows = [page for page in rows if publish(page, draft_digest(page))]
        record_action(request, rows, gettext_lazy("Published."))
        text = ngettext("%(count)d page was published.", "%(count)d pages were published.", len(rows))
        self.report_done(request, text, len(rows))

    @confirmed_action(gettext_lazy("Unpublish selected pages"), ["publish"], UNPUBLISH)
    def unpublish(self, request: HttpRequest, rows: list[Page]) -> None:
        """Hide the pages from visitors."""
        rows = [page for page in rows if unpublish(page)]
        record_action(request, rows, gettext_lazy("Unpublished."))
        text = ngettext("%(count)d page was unpublished.", "%(count)d pages were unpublished.", len(rows))
        self.report_done(request, text, len(rows))

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the draft as visitors would see it."""
        page = self._page(request, pk)
        context = {
            "text": make_preview(page),
            "page": page,
            "digest": draft_digest(page),
            "can_publish": self.has_publish_permission(request),
        }
        return render(request, "pages/preview.html", context)

    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Publish the draft that the preview showed."""
        if not self.has_publish_permission(request):
            raise PermissionDenied
        page = self._page(request, pk)
        if publish(page, request.POST.get("digest", "")) is None:
            messages.error(request, _("The draft has been changed. Please look at it again. Nothing was published."))
            return redirect("admin:core_page_preview", page.pk)
        record_action(request, [page], gettext_lazy("Published."))
        messages.success(request, _("The page was published."))
        return redirect("admin:core_page_change", page.pk)

    def _page(self, request: HttpRequest, pk: int) -> Page:
        """Return the page. Raise Http404 if there is none, or PermissionDenied if these staff may not see it."""
        page = self.get_object(request, str(pk))
        if page is None:
            raise Http404
        if not self.has_view_or_change_permission(request, page):
            raise PermissionDenied
        return page


class PageTextAdmin(ReadOnlyAdmin):
    """Read-only admin for published versions, newest first."""

    list_display = ["title", "language", "number", "published_at"]
    list_filter = ["language", "page__kind", "published_at"]
    list_select_related = ["page"]
    search_fields = ["title"]
    fields = ["page", "number", "language", "title", "published_at", "text", "source"]
