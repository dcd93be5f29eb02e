"""Pages that staff write, and the versions that were published."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.columns import Columns
from core.page_cache.models import SITE
from core.page_cache.row_changes import RowChange
from core.page_cache.shown_rows import ShownModel, ShownQuerySet, moves_versions
from core.pages.rendering import render_beginning, render_html, render_text
from core.rendering.page_urls import slug_url

MAX_LENGTH = 60_000  # characters of Markdown; an email contains two of these texts


def shop_language() -> str:
    return settings.LANGUAGE_CODE


class Page(ShownModel):
    """A page in one language. Visitors see its newest published version, never the draft."""

    class Kind(models.TextChoices):
        IMPRINT = "imprint", _("Imprint")
        TERMS = "terms", _("Terms")
        PRIVACY = "privacy", _("Privacy")
        WITHDRAWAL = "withdrawal", _("Withdrawal")
        DELIVERY = "delivery", _("Delivery information")
        CONTACT = "contact", _("Contact")
        ACCESSIBILITY = "accessibility", _("Accessibility")
        PLAIN = "plain", _("Other")

    class Column(models.TextChoices):
        SHOP = "shop", _("Shop")
        HELP = "help", _("Help")
        COMPANY = "company", _("Company")

    columns = Columns(shown=("kind", "slug", "language", "is_published", "column", "position"))

    kind = models.CharField(_("kind"), max_length=13, choices=Kind, default=Kind.PLAIN)
    language = models.CharField(_("language"), max_length=12, default=shop_language)
    slug = models.SlugField(_("slug"), max_length=80, unique=True, help_text=_("The last part of the URL: /pages/…/"))
    title = models.CharField(_("title"), max_length=120)
    draft = models.TextField(_("draft"), max_length=MAX_LENGTH, blank=True)
    is_published = models.BooleanField(_("published"), default=False, editable=False)
    column = models.CharField(
        _("column of the footer"), max_length=7, choices=Column, blank=True, default="",
        help_text=_("Empty: the page is not in the footer."),
    )  # fmt: skip
    position = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("Smaller numbers come first."))
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects: ClassVar[Any] = ShownQuerySet.as_manager()

    class Meta:
        verbose_name = _("page")
        verbose_name_plural = _("pages")
        ordering = ["kind", "language", "position", "pk"]
        base_manager_name = "objects"
        permissions = [("publish_page", "Can publish pages")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "language"], condition=~Q(kind="plain"), name="page_one_a_kind_and_language",
                violation_error_message=_("There is a page of this kind in this language already."),
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.title} ({self.language})"

    def get_absolute_url(self) -> str:
        return slug_url("pages:detail", self.slug)

    def latest_text(self) -> "PageText | None":
        """Return the version that was published last, even if the page is not published now."""
        return PageText.objects.filter(page=self).order_by("-number").first()


class PageTextQuerySet(ShownQuerySet["PageText"]):
    def current(self) -> "PageTextQuerySet":
        """Return the newest version of each published page, with its page, in the order of the footer."""
        newest = PageText.objects.filter(page=OuterRef("pk")).order_by("-number").values("pk")[:1]
        pages = Page.objects.filter(is_published=True).annotate(newest=Subquery(newest))
        found = self.filter(pk__in=pages.order_by().values("newest")).select_related("page")
        return found.order_by("page__position", "page__pk")


class PageText(ShownModel):
    """A published version of a page. It never changes, because orders refer to what their shoppers agreed to.

    `source` is the Markdown of the draft, `text` the same with the facts about the shop filled in.
    """

    columns = Columns(
        frozen=("page", "number", "language", "title", "source", "text", "published_at"),
        shown=("page", "number", "language", "title", "text", "published_at"),
    )

    page = models.ForeignKey(Page, models.PROTECT, related_name="texts", verbose_name=_("page"))
    number = models.PositiveIntegerField(_("version"))
    language = models.CharField(_("language"), max_length=12)
    title = models.CharField(_("title"), max_length=120)
    source = models.TextField(_("Markdown"), blank=True)
    text = models.TextField(_("published text"), blank=True)
    published_at = models.DateTimeField(_("published"), default=timezone.now)

    objects: ClassVar[Any] = PageTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("published version")
        verbose_name_plural = _("published versions")
        ordering = ["-pk"]
        base_manager_name = "objects"
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["page", "number"], name="page_text_one_a_number")]

    def __str__(self) -> str:
        return f"{self.title} ({self.language}, {self.number})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the version. Leave an existing one as it is."""
        if self._state.adding:
            super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """Return the URL of exactly this version."""
        return slug_url("pages:version", str(self.pk))

    @property
    def html(self) -> SafeString:
        return render_html(self.text)

    @property
    def html_below_title(self) -> SafeString:
        """The text for pages and emails whose own title is above that of the text."""
        return render_html(self.text, top=3)

    @property
    def html_beginning(self) -> SafeString:
        """The first paragraphs, for other pages that link to this one."""
        return render_beginning(self.text)

    @property
    def plain_text(self) -> str:
        """The text for the text part of emails."""
        return render_text(self.text)


@moves_versions(Page)
def names_of_pages(changes: list[RowChange]) -> set[str]:
    """Name the whole site: pages are in the footer."""
    return {SITE}


@moves_versions(PageText)
def names_of_texts(changes: list[RowChange]) -> set[str]:
    """Name the whole site: a new version can have another title, which the footer shows."""
    return {SITE}
