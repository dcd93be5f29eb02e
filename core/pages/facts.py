"""Placeholders in pages, such as {seller}, which are replaced by facts about the shop when a page is published."""

import re
from typing import NamedTuple

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")


class Fact(NamedTuple):
    """A fact about the shop, and what it is, for staff."""

    value: str
    meaning: str | Promise


def shop_facts() -> dict[str, Fact]:
    """Return the facts about the shop, by the names of their placeholders. A fact can have several lines."""
    return {
        "shop": Fact(settings.SITE_NAME, _("name of the shop")),
        "seller": Fact(settings.SITE_NAME, _("legal name and postal address")),
        "email": Fact(settings.SUPPORT_EMAIL, _("email address")),
        "phone": Fact("", _("phone number")),
    }


def unknown_placeholders(markdown: str) -> list[str]:
    """Return the placeholders in the text that are not the name of a fact."""
    return sorted(set(PLACEHOLDER.findall(markdown)) - set(shop_facts()))


def fill_in(markdown: str) -> str:
    """Return the text with the facts. A line with only an empty fact, or with a label and an empty fact, is left out.

    The facts are escaped, so that they are text and no Markdown.
    """
    facts = {name: fact.value.strip() for name, fact in shop_facts().items()}
    lines = [line for line in markdown.split("\n") if not _is_empty(line, facts)]
    return PLACEHOLDER.sub(lambda found: _escape(facts.get(found[1], found[0])), "\n".join(lines))


def _is_empty(line: str, facts: dict[str, str]) -> bool:
    names = PLACEHOLDER.findall(line)
    is_alone = line.rstrip("\\ ").endswith("}") and len(names) == 1
    return is_alone and facts.get(names[0]) == ""


def _escape(text: str) -> str:
    """Return text for Markdown that shows exactly this text, with its line breaks."""
    return "\\\n".join(MARKUP.sub(r"\\\1", line.strip()) for line in text.splitlines() if line.strip())
