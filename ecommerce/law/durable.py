"""Checks of what buyers keep: the texts that apply to their order, in the confirmation email."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from core.models import Page
from core.pages.current import legal_texts
from ecommerce.law.duty import Finding
from ecommerce.law.inspection import Inspection

IN_FULL = (Page.Kind.TERMS, Page.Kind.WITHDRAWAL)


def texts_are_emailed(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each text that the confirmation email does not contain in full."""
    for language, name in inspection.languages.items():
        body = _words(str(inspection.confirmation(language).body))
        texts = legal_texts(language)
        for kind in IN_FULL:
            if kind.value in texts and _words(texts[kind.value].plain_text) not in body:
                text = _("The confirmation email (%(language)s) does not contain “%(page)s” in full.")
                yield Finding(text % {"language": name, "page": texts[kind.value].title})


def order_is_emailed(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if the text part of the confirmation email lacks a fact about the order."""
    from ecommerce.law.sample_order import NUMBER, TITLE

    for language, name in inspection.languages.items():
        body = str(inspection.confirmation(language).body)
        for fact in (NUMBER, TITLE):
            if fact not in body:
                text = _("The confirmation email (%(language)s) lacks: %(text)s")
                yield Finding(text % {"language": name, "text": fact})


def _words(text: str) -> str:
    return " ".join(text.split())
