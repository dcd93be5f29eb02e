"""An address as the country it goes to writes it on a parcel."""

import re
from collections.abc import Iterator

from addresses.rules import FIELDS, Rules, is_latin, rules_of


def parcel_lines(country: str, values: dict[str, str]) -> list[str]:
    """The lines above the country's name, without empty ones; `values` are an Address's fields by name.

    Where the shopper wrote in another script than Latin, order and areas are the country's own, else those it uses for
    letters from abroad.
    """
    rules = rules_of(country)
    is_foreign = is_latin(values["line_1"] + values["city"])
    written = values | {"state": _area(rules, values["state"], is_foreign)}
    written["line_1"] = "\n".join(filter(None, [values["line_1"], values["line_2"]]))
    written = {name: text.upper() if name in rules.upper else text for name, text in written.items()}
    lines = (rules.latin_format if is_foreign else rules.local_format).split("%n")
    return [part for line in lines for part in _fill(line, written)]


def _area(rules: Rules, key: str, is_foreign: bool) -> str:
    area = rules.areas.get(key)
    return area.name if area and is_foreign and not is_latin(key) else key


def _fill(line: str, values: dict[str, str]) -> Iterator[str]:
    """One line of a format; signs that stood beside a field left empty do not stay behind."""
    parts = re.split(r"%([A-Z])", line)  # signs, field, signs, field ... signs
    texts = [values.get(FIELDS.get(code, ""), "") for code in parts[1::2]]
    if texts and not any(texts):
        return
    filled = parts[0]
    for text, signs in zip(texts, parts[2::2], strict=True):
        filled += text + signs
    for written in filled.split("\n"):
        if tidy := re.sub(r" {2,}", " ", written).strip(" ,-"):
            yield tidy
