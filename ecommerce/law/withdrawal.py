"""Checks of the withdrawal function: its link on every page, and its page."""

from collections.abc import Iterator

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from ecommerce.law.duty import Finding
from ecommerce.law.inspection import Inspection

# The words of the law, by the first part of the language code.
LINK_WORDS = {
    "en": ("withdraw from contract here", "withdraw from the contract here"),
    "de": ("vertrag widerrufen", "vertrag hier widerrufen"),
}


def is_linked_on_every_page(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each language in which pages lack the link, or call it something else."""
    try:
        url = reverse("orders:withdraw")
    except NoReverseMatch:
        yield Finding(_("The shop has no page for withdrawals."))
        return
    for language, name in inspection.languages.items():
        links = [part for part in inspection.base(language).all("a") if part.attrs.get("href") == url]
        accepted = LINK_WORDS.get(language.partition("-")[0])
        if not links:
            yield Finding(_("The pages (%(language)s) do not link to the withdrawal.") % {"language": name})
        elif accepted and not any(link.text.lower() in accepted for link in links):
            text = _("The link to the withdrawal (%(language)s) says “%(words)s”, not the words of the law.")
            yield Finding(text % {"language": name, "words": links[0].text})
