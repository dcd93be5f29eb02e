"""Checks of the row about the shop: who sells, and what the imprint, the footer and emails say about it."""

import re
from collections.abc import Iterator

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from core.models import Shop
from ecommerce.law.duty import Finding, Weight
from ecommerce.law.inspection import Inspection
from ecommerce.law.regions import Region

REQUIRED = ("legal_name", "legal_form", "street", "postcode", "city", "country", "email", "phone")
# Legal forms that are in a register, as words. Others, such as a sole trader, need none.
COMPANY = re.compile(
    r"\b(gmbh|ug|ag|se|kg|kgaa|ohg|e\.?\s?k|eg|ltd|limited|plc|llp|company|corporation|sarl|s\.?à\s?r\.?l|sas|sa|bv|nv|srl|"
    r"spa|sl|ab|aps|oy|kft|sp\.\s?z\s?o)\b",
    re.IGNORECASE,
)
WORDS_FOR_VAT = re.compile(r"\b(VAT|USt|Umsatzsteuer|Kleinunternehmer)", re.IGNORECASE)
SAMPLE_NUMBER = re.compile(r"0{7,}")  # no register gives out such a number
SIGNATURE = "\n-- \n"  # before the end of an email
OLD_PLATFORM = re.compile(r"ec\.europa\.eu/(consumers/)?odr", re.IGNORECASE)


def shop_url() -> str:
    """Return the URL of the admin where the row about the shop is edited."""
    return reverse("admin:core_shop_changelist")


def missing_facts(inspection: Inspection) -> Iterator[Finding]:
    """Yield the facts about the seller that are not entered."""
    shop = inspection.shop
    for name in REQUIRED:
        if not str(getattr(shop, name)).strip():
            yield Finding(_("The shop has no %(field)s.") % {"field": _label(name)}, shop_url())
    if COMPANY.search(f"{shop.legal_form} {shop.legal_name}"):
        for name in ("register", "register_number", "responsible_person"):
            if not getattr(shop, name).strip():
                text = _("A company states its %(field)s.") % {"field": _label(name)}
                yield Finding(text, shop_url())
    if not shop.vat_id and not WORDS_FOR_VAT.search(shop.other_lines):
        text = _("The VAT identification number is missing. A seller without one says so in the further lines.")
        yield Finding(text, shop_url())


def sample_facts(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding while the row has the data of the demo."""
    shop = inspection.shop
    is_sample = SAMPLE_NUMBER.search(f"{shop.vat_id} {shop.register_number}") or shop.email.endswith(".example")
    if is_sample:
        yield Finding(_("The shop has sample data. Enter who really sells."), shop_url(), Weight.SAMPLE)


def seller_in_footer(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each language in which the footer does not name the seller."""
    for language, name in inspection.languages.items():
        text = _footer_text(inspection, language)
        for part in filter(None, [inspection.shop.legal_name, inspection.shop.street, inspection.shop.email]):
            if part not in text:
                yield Finding(
                    _("The footer of all pages (%(language)s) lacks: %(text)s") % {"language": name, "text": part}
                )


def seller_in_email(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each language in which the end of the confirmation email does not name the seller.

    The texts that apply to the order come before. They can name the seller too.
    """
    for language, name in inspection.languages.items():
        end = str(inspection.confirmation(language).body).rpartition(SIGNATURE)[2]
        for part in filter(None, [inspection.shop.legal_name, inspection.shop.street]):
            if part not in end:
                text = _("The confirmation email (%(language)s) lacks: %(text)s")
                yield Finding(text % {"language": name, "text": part})


def sender_of_email(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if the emails come from a made-up address."""
    if settings.DEFAULT_FROM_EMAIL.rstrip(">").endswith(".example"):
        text = _("Emails come from %(email)s. Set DEFAULT_FROM_EMAIL.") % {"email": settings.DEFAULT_FROM_EMAIL}
        yield Finding(text, weight=Weight.SAMPLE)


def registers_of_packaging(inspection: Inspection) -> Iterator[Finding]:
    """Yield a note for each number of a German register that is empty, because it depends on the goods."""
    texts = {
        "packaging_number": _("Whoever ships packaged goods to Germany needs a number of the packaging register."),
        "battery_number": _("Goods with batteries need a number of the battery register."),
        "electrical_number": _("Electrical goods need a number of the register for electrical equipment."),
    }
    for name, text in texts.items():
        if not getattr(inspection.shop, name).strip():
            yield Finding(text, shop_url(), Weight.NOTE)


def contact(inspection: Inspection) -> Iterator[Finding]:
    """Yield what keeps shoppers from getting a quick answer."""
    for name in ("phone", "email"):
        if not getattr(inspection.shop, name).strip():
            yield Finding(_("The shop has no %(field)s.") % {"field": _label(name)}, shop_url())
    for language, name in inspection.languages.items():
        links = [part.attrs.get("href") for part in inspection.base(language).all("a") if "footer" in part.around]
        if reverse("contact") not in links:
            yield Finding(_("The footer (%(language)s) does not link to the contact page.") % {"language": name})


def disputes(inspection: Inspection) -> Iterator[Finding]:
    """Yield what is missing about dispute resolution. Only sellers to Germany have to make a statement."""
    shop = inspection.shop
    if Region.DE in inspection.regions and shop.disputes == Shop.Disputes.NOT_STATED:
        yield Finding(_("The shop does not say whether it takes part in dispute resolution."), shop_url())
    if shop.disputes == Shop.Disputes.TAKES_PART and not shop.disputes_text.strip():
        yield Finding(_("The arbitration body and its address are missing."), shop_url())


def old_platform_in_shop(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding if the row links to the platform of the EU that was closed in July 2025."""
    for name in ("disputes_text", "other_lines"):
        if OLD_PLATFORM.search(getattr(inspection.shop, name)):
            text = _("%(field)s: links to the EU’s former platform for dispute resolution are not allowed any more.")
            yield Finding(text % {"field": _label(name)}, shop_url())


def _label(name: str) -> str:
    return str(Shop._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def _footer_text(inspection: Inspection, language: str) -> str:
    return " ".join(part.text for part in inspection.base(language).all("footer"))
