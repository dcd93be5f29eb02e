"""Typed text for an email that goes to a typed email address: without links, and without characters that hide text."""

import re
import unicodedata

# The dots, also those of Chinese and Japanese, and the colons that can be part of a link. Those between two digits
# stay, so that prices, dates and times remain readable, but not a colon with a letter later in the same word.
LINKING = re.compile(r"(?<!\d)[.\u3002:](?=\S)|[.\u3002:](?=[^\s\d])|:(?=\S*[^\W\d])")
IP_ADDRESS = re.compile(r"\d+(?:\.\d+){3,}")
SLASHES = re.compile(r"[/\\](?=[/\\])")
AT = re.compile(r"@(?=\S)")


def clean(text: str) -> str:
    """Return the text without characters that do not print, such as NUL and marks of the writing direction.

    Line breaks stay. Spaces at the ends of lines and empty lines are removed.
    """
    kept = "".join(one if one == "\n" or _is_visible(one) else " " for one in re.sub(r"\r\n?", "\n", text))
    lines = (" ".join(line.split()) for line in kept.split("\n"))
    return "\n".join(filter(None, lines))


def clean_line(text: str) -> str:
    """Return the cleaned text in one line."""
    return " ".join(clean(text).split())


def _is_visible(character: str) -> bool:
    """Return whether the character prints, or joins letters as in Persian and in emoji."""
    return character.isprintable() or character in "\u200c\u200d"


def without_links(text: str) -> str:
    """Return the text with a space after each character that would make an email program show a link.

    The words stay readable, so the receipt still repeats what was declared: `www.example.org` becomes
    `www. example. org`. The text first gets its usual characters, so that lookalikes of letters are no way around.
    """
    text = unicodedata.normalize("NFKC", text)
    text = IP_ADDRESS.sub(lambda found: found[0].replace(".", ". "), text)
    for pattern in (LINKING, SLASHES, AT):
        text = pattern.sub(lambda found: f"{found[0]} ", text)
    return text
