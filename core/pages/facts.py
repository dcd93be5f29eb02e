"""Placeholders in pages, such as {seller}, which are replaced by facts about the shop when a page is published."""

import re
from collections.abc import Callable
from typing import NamedTuple

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.shop.current import current_shop
from core.shop.models import Shop

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")


class Fact(NamedTuple):
    """What a placeholder stands for: a text of any number of lines, in the active language."""

    meaning: Promise  # for staff
    read: Callable[[Shop], str]


def _seller(shop: Shop) -> str:
    return "\n".join([shop.seller, *shop.address_lines])


def _disputes(shop: Shop) -> str:
    """Return the sentence about dispute resolution, or an empty string if the shop need not say anything."""
    if shop.disputes == Shop.Disputes.REFUSES:
        return _("We do not take part in dispute resolution before a consumer arbitration body.")
    if shop.disputes == Shop.Disputes.TAKES_PART:
        text = _("We take part in dispute resolution before this consumer arbitration body:")
        return f"{text}\n{shop.disputes_text}"
    return ""


def _registrations(shop: Shop) -> str:
    return "\n".join(f"{label}: {number}" for label, number in shop.registrations)


FACTS: dict[str, Fact] = {
    "shop": Fact(gettext_lazy("display name"), lambda shop: shop.name),
    "seller": Fact(gettext_lazy("legal name, legal form and postal address"), _seller),
    "legal_name": Fact(gettext_lazy("legal name and legal form"), lambda shop: shop.seller),
    "email": Fact(gettext_lazy("email address"), lambda shop: shop.email),
    "phone": Fact(gettext_lazy("phone number"), lambda shop: shop.phone),
    "support_hours": Fact(gettext_lazy("support hours"), lambda shop: shop.support_hours),
    "register": Fact(gettext_lazy("register and number"), lambda shop: shop.register_entry),
    "vat_id": Fact(gettext_lazy("VAT identification number"), lambda shop: shop.vat_id),
    "responsible_person": Fact(gettext_lazy("responsible person"), lambda shop: shop.responsible_person),
    "disputes": Fact(gettext_lazy("sentence about dispute resolution"), _disputes),
    "registrations": Fact(gettext_lazy("numbers of further registers"), _registrations),
    "other_lines": Fact(gettext_lazy("further lines"), lambda shop: shop.other_lines),
}


def unknown_placeholders(markdown: str) -> list[str]:
    """Return the placeholders in the text that are not the name of a fact."""
    return sorted(set(PLACEHOLDER.findall(markdown)) - set(FACTS))


def fill_in(markdown: str, language: str) -> str:
    """Return the text with the facts about the shop in this language.

    A line that ends with an empty fact is left out with its label. Facts are escaped, so that they are no Markdown.
    """
    shop = current_shop()
    with translation.override(language):
        values = {name: fact.read(shop).strip() for name, fact in FACTS.items()}
    lines = [line for line in markdown.splitlines() if not _lacks_its_fact(line, values)]
    return PLACEHOLDER.sub(lambda found: _escape(values.get(found[1], found[0])), "\n".join(lines))


def _lacks_its_fact(line: str, values: dict[str, str]) -> bool:
    names = PLACEHOLDER.findall(line)
    return line.rstrip("\\ ").endswith("}") and len(names) == 1 and values.get(names[0]) == ""


def _escape(text: str) -> str:
    """Return Markdown that shows exactly this text, with its line breaks."""
    return "\\\n".join(MARKUP.sub(r"\\\1", line.strip()) for line in text.splitlines() if line.strip())
