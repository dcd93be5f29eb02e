"""Address labels in the format of the destination country."""

import re
from collections.abc import Iterator

from addresses.country_rules import FIELDS, CountryRules, get_country_rules, is_latin


def label_lines(country: str, values: dict[str, str]) -> list[str]:
    """Return the lines of the label above the country name, without empty lines.

    `values` maps the field names of Address to their values. If the street and city are in Latin script, the label
    uses the country's format and area names for international mail, otherwise its domestic format and area names.
    """
    rules = get_country_rules(country)
    is_latin_script = is_latin(values["line_1"] + values["city"])
    texts = values | {"state": _area(rules, values["state"], is_latin_script)}
    texts["line_1"] = "\n".join(filter(None, [values["line_1"], values["line_2"]]))
    texts = {name: text.upper() if name in rules.uppercase_fields else text for name, text in texts.items()}
    lines = (rules.latin_format if is_latin_script else rules.local_format).split("%n")
    return [part for line in lines for part in _format_line(line, texts)]


def _area(rules: CountryRules, key: str, is_latin_script: bool) -> str:
    area = rules.areas.get(key)
    return area.name if area and is_latin_script and not is_latin(key) else key


def _format_line(line: str, values: dict[str, str]) -> Iterator[str]:
    """Yield the lines that one line of the format produces, without the separators next to an empty field."""
    parts = re.split(r"%([A-Z])", line)  # separator, field, separator, field ... separator
    texts = [values.get(FIELDS.get(code, ""), "") for code in parts[1::2]]
    if texts and not any(texts):
        return
    filled = parts[0]
    for text, separator in zip(texts, parts[2::2], strict=True):
        filled += text + separator
    for line_text in filled.split("\n"):
        if stripped := re.sub(r" {2,}", " ", line_text).strip(" ,-"):
            yield stripped
