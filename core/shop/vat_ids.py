"""The shapes of VAT identification numbers. Whether a number exists is only known to the tax authorities."""

import re

# Of the countries of the EU (Greece is EL), of Northern Ireland (XI), and of further countries of Europe.
SHAPES = {
    "AT": r"U\d{8}", "BE": r"[01]\d{9}", "BG": r"\d{9,10}", "CY": r"\d{8}[A-Z]", "CZ": r"\d{8,10}", "DE": r"\d{9}",
    "DK": r"\d{8}", "EE": r"\d{9}", "EL": r"\d{9}", "ES": r"[A-Z0-9]\d{7}[A-Z0-9]", "FI": r"\d{8}",
    "FR": r"[A-Z0-9]{2}\d{9}", "HR": r"\d{11}", "HU": r"\d{8}", "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}", "IT": r"\d{11}",
    "LT": r"(?:\d{9}|\d{12})", "LU": r"\d{8}", "LV": r"\d{11}", "MT": r"\d{8}", "NL": r"\d{9}B\d{2}", "PL": r"\d{10}",
    "PT": r"\d{9}", "RO": r"\d{2,10}", "SE": r"\d{12}", "SI": r"\d{8}", "SK": r"\d{10}", "XI": r"(?:\d{9}|\d{12})",
    "GB": r"(?:\d{9}|\d{12})", "CHE": r"\d{9}(?:MWST|TVA|IVA)?", "NO": r"\d{9}(?:MVA)?",
}  # fmt: skip


def clean_vat_id(text: str) -> str:
    """Return the number without spaces, dots and hyphens, in capitals. Raise ValueError if it has no known shape."""
    number = re.sub(r"[\s.-]", "", text).upper()
    for prefix, shape in SHAPES.items():
        if re.fullmatch(prefix + shape, number, re.ASCII):
            return number
    raise ValueError("not a VAT identification number")
