"""Checks of the notice of the legal guarantee."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from core.guarantee.current import current_notices, notice_for
from core.guarantee.sample import MARK
from ecommerce.law.duty import Finding, Weight
from ecommerce.law.inspection import Inspection
from ecommerce.law.ordering import order_button

HIDING = ("a", "details", "dialog", "template", "noscript", "button")  # a shopper has to act to see what is in these


def notices_url() -> str:
    """Return the URL of the admin where the notices are uploaded."""
    return reverse("admin:core_guaranteenotice_changelist")


def notice_is_uploaded(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each language without a notice, or with a sample or without its file."""
    notices = current_notices()
    for language, name in inspection.languages.items():
        notice, params = notices.get(language), {"language": name}
        if notice is None:
            text = _("The notice of the legal guarantee is missing (%(language)s).")
            yield Finding(text % params, notices_url())
        elif notice.text.startswith(MARK):
            text = _("The notice of the legal guarantee (%(language)s) is a sample.")
            yield Finding(text % params, notices_url(), Weight.SAMPLE)
        elif not notice.text.strip():
            text = _("The notice of the legal guarantee (%(language)s) has no text alternative.")
            yield Finding(text % params, notices_url())
        elif not notice.picture.storage.exists(str(notice.picture.name)):
            text = _("The file of the notice of the legal guarantee (%(language)s) is gone.")
            yield Finding(text % params, notices_url())


def notice_is_shown(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if the payment step does not show the picture before the button, open to everybody."""
    for language, name in inspection.languages.items():
        notice, page = notice_for(language), inspection.pay_step(language)
        button = order_button(page)
        if notice is None or button is None:
            continue
        pictures = [part for part in page.all("img") if part.attrs.get("src") == notice.picture.url]
        shown = [part for part in pictures if part.start < button.start and not set(part.around) & set(HIDING)]
        if not shown:
            text = _("The payment step (%(language)s) does not show the notice of the legal guarantee openly.")
            yield Finding(text % {"language": name})
        elif not shown[0].attrs.get("alt"):
            text = _("The notice of the legal guarantee on the payment step (%(language)s) has no text alternative.")
            yield Finding(text % {"language": name})


def notice_is_emailed(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if the confirmation email does not contain the words of the notice."""
    for language, name in inspection.languages.items():
        notice = notice_for(language)
        if notice and " ".join(notice.text.split()) not in " ".join(
            str(inspection.confirmation(language).body).split()
        ):
            text = _("The confirmation email (%(language)s) does not contain the notice of the legal guarantee.")
            yield Finding(text % {"language": name})
