"""Checks of the withdrawal function: its link on every page, its page and its receipt."""

from collections.abc import Iterator
from http import HTTPStatus

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from core.times import format_date, in_shop_zone
from ecommerce.law.duty import Finding
from ecommerce.law.inspection import Inspection

# The words of the law, by the first part of the language code.
LINK_WORDS = {
    "en": ("withdraw from contract here", "withdraw from the contract here"),
    "de": ("vertrag widerrufen", "vertrag hier widerrufen"),
}


def is_linked_on_every_page(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each language in which pages lack the link, or call it something else."""
    url = _url()
    if url is None:
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


def is_open_to_everybody(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if a visitor who is not signed in cannot open the page."""
    url = _url()
    if url and inspection.answer(url).status_code != HTTPStatus.OK:
        yield Finding(_("The page for withdrawals cannot be opened without signing in."))


def receipt_is_complete(inspection: Inspection) -> Iterator[Finding]:
    """Yield what the receipt lacks: what was declared, and the date and the time at which it arrived."""
    for language, name in inspection.languages.items():
        body, row = inspection.withdrawal_receipt(language)
        moment = in_shop_zone(row.declared_at)
        with override(language):
            facts = [row.name, row.order_number, row.number, format_date(row.declared_at), f"{moment:%H:%M:%S}"]
        for fact in facts:
            if fact not in body:
                text = _("The receipt of a withdrawal (%(language)s) lacks: %(text)s")
                yield Finding(text % {"language": name, "text": fact})


def _url() -> str | None:
    """Return the URL of the page, or None if the shop has none."""
    try:
        return reverse("orders:withdraw")
    except NoReverseMatch:
        return None
