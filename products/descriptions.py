"""Descriptions of products: plain text whose paragraphs below a title such as “Care:” are shown folded."""

import re
from typing import NamedTuple

MAX_TITLE = 40  # characters; longer first lines are sentences that end with a colon
MAX_FACTS, MAX_FACT = 4, 30  # lines, and characters of each
EMPTY_LINES = re.compile(r"\n\s*\n")


class Section(NamedTuple):
    """A titled part of a description."""

    title: str
    text: str


class Description(NamedTuple):
    """What a description begins with, and its titled parts."""

    lead: str
    sections: list[Section]

    @property
    def facts(self) -> list[str]:
        """The lines of the first titled part, such as “350 ml”, if they are few and short."""
        lines = self.sections[0].text.splitlines() if self.sections else []
        return lines if 1 < len(lines) <= MAX_FACTS and all(0 < len(line) <= MAX_FACT for line in lines) else []


def parse_description(text: str) -> Description:
    """Split a description at paragraphs whose first line is a title with a colon, followed by at least one line.

    Paragraphs without a title belong to the one above.
    """
    lead: list[str] = []
    sections: list[Section] = []
    for paragraph in EMPTY_LINES.split("\n".join(text.split("\r\n")).strip()):
        first, _newline, rest = paragraph.strip().partition("\n")
        if rest and first.rstrip().endswith(":") and len(first) <= MAX_TITLE:
            sections.append(Section(first.rstrip()[:-1].rstrip(), rest))
        elif sections:
            sections[-1] = Section(sections[-1].title, f"{sections[-1].text}\n\n{paragraph}")
        else:
            lead.append(paragraph)
    return Description("\n\n".join(lead), sections)
