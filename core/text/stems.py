"""Stems of words, so that a search for one form of a word finds its other forms."""

import re
from functools import lru_cache

MIN_LENGTH = 4  # Shorter words have no endings.
VOWEL = re.compile("[aeiouy]")
DOUBLED = re.compile(r"([bdfgmnprt])\1$")
# English plurals and verb forms, and German plurals. The first ending that fits is replaced.
PLURALS = {
    "sses": "ss",
    "shes": "sh",
    "ches": "ch",
    "xes": "x",
    "ies": "y",
    "ss": "ss",
    "us": "us",
    "is": "is",
    "s": "",
}
OTHER_ENDINGS = {"eed": "eed", "ied": "y", "ed": "", "ing": "", "innen": "in", "en": "", "eln": "el", "ern": "er"}


@lru_cache(10_000)  # Texts repeat their words, and finding a stem takes most of the time of storing one.
def stem(word: str) -> str:
    """Return the stem of a word of ASCII letters: "mugs" and "mug" have the same stem. Other words stay the same."""
    if len(word) < MIN_LENGTH or not word.isascii() or not word.isalpha():
        return word
    shorter = _replace_ending(_replace_ending(word, PLURALS), OTHER_ENDINGS)
    # "glaze" loses its last letter because "glazed" does, "cookie" and "candy" end like "cookies" and "candies".
    shorter = shorter[:-1] if len(shorter) > 3 and shorter.endswith("e") else shorter
    shorter = shorter[:-1] + "i" if shorter.endswith("y") else shorter
    return DOUBLED.sub(r"\1", shorter)


def _replace_ending(word: str, endings: dict[str, str]) -> str:
    for ending, replacement in endings.items():
        rest = word.removesuffix(ending)
        if rest != word and len(rest + replacement) > 2 and VOWEL.search(rest):
            return rest + replacement
    return word
