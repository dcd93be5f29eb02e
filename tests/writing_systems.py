"""Writing systems and hypothesis strategies for texts in them."""

import unicodedata

from hypothesis import strategies as st

# The letters, vowel signs and digits of each writing system, as first and last characters of ranges.
WRITING_SYSTEMS = {
    "Latin": "az AZ",
    "Latin with diacritics": "ÀÖ ØöøſƠơƯưẠỹ",
    "Vietnamese, decomposed": "ae \u0300\u0309",
    "Greek": "ΆΏ ΑΡ Σώ ἀᾯ",
    "Cyrillic": "Ѐџ Ҋԯ",
    "Armenian": "ԱՖ աև",
    "Georgian": "აჰ Ა\u1cb0",
    "Hebrew": "את \u05b0\u05bc",
    "Arabic": "ءغ ـي \u064b\u0652 ٠٩",
    "Persian and Urdu": "ٱۓ ۰۹",
    "Arabic presentation forms": "ﭐﮱ ﹰﻼ",
    "Syriac": "ܐܬ \u0730\u073f",
    "Thaana": "ހޥ \u07a6\u07b0",
    "Nko": "߀ߪ",
    "Devanagari": "अह \u093e\u094d ०९",
    "Bengali": "অহ \u09be\u09cd ০৯",
    "Gurmukhi": "ਅਹ \u0a3e\u0a4d",
    "Gujarati": "અહ \u0abe\u0acd",
    "Odia": "ଅହ \u0b3e\u0b4d",
    "Tamil": "அஹ \u0bbe\u0bcd",
    "Telugu": "అహ \u0c3e\u0c4d",
    "Kannada": "ಅಹ \u0cbe\u0ccd",
    "Malayalam": "അഹ \u0d3e\u0d4d",
    "Sinhala": "අෆ \u0dcf\u0ddf",
    "Thai": "กฮ ะู เ๎ ๐๙",
    "Lao": "ກຮ ະູ ເໄ",
    "Tibetan": "ཀཬ \u0f71\u0f7d \u0f90\u0fbc",
    "Myanmar": "ကအ \u102b\u103e ၀၉",
    "Khmer": "កអ \u17b6\u17d2",
    "Hangul": "가힣",
    "Hangul jamo": "\u1100\u1112 \u1161\u1175 \u11a8\u11c2",
    "Hangul, compatibility and half-width": "ㄱㅣ ﾡﾾ",
    "Hiragana": "ぁゖ \u3099\u309a",
    "Katakana": "ァヺ ーヾ",
    "Half-width kana": "ｦﾟ",
    "Han": "一鿋 㐀㐿 𠀀𠀿",
    "Bopomofo": "ㄅㄯ",
    "Yi": "ꀀꀿ",
    "Full-width Latin": "ａｚ ＡＺ ０９",
    "Mathematical Latin": "𝐀𝐳 𝟎𝟿",
    "Ligatures and superscripts": "ﬀﬆ ²³ ⁰ⁿ ₀ₜ ⅐Ⅿ",
    "Ethiopic": "ሀቍ ፩፱",
    "Cherokee": "Ꭰ\u13f5 ꭰꮿ",
    "Canadian syllabics": "ᐁᑿ",
    "Mongolian": "ᠠᡂ",
    "Tifinagh": "ⴰⵧ",
    "Balinese": "ᬅᬳ \u1b35\u1b44",
    "Javanese": "ꦄꦲ \ua9b4\ua9c0",
    "Deseret": "𐐀𐑏",
    "Gothic": "𐌰𐍊",
    "Emoji and signs": "🌀🍵 ☀☕ ™™ ©© !/",
}
JOINERS = ["\u200d", "\u200c", "\u00ad", "\u0301"]  # a joiner, a non-joiner, a soft hyphen, an acute accent
SEPARATORS = [" ", " ", " ", "-", ", ", "™ ", " & ", "’", "/", "🍵", "\u3000", "\u00a0"]


def characters_of(system: str) -> list[str]:
    """Return the assigned characters of a writing system."""
    ranges = [(ord(pair[0]), ord(pair[1])) for text in WRITING_SYSTEMS[system].split() for pair in _pairs(text)]
    characters = [chr(code) for first, last in ranges for code in range(first, last + 1)]
    return [character for character in characters if unicodedata.category(character)[0] != "C"]


def _pairs(text: str) -> list[str]:
    return [text[number : number + 2] for number in range(0, len(text), 2)]


def titles_of(system: str) -> st.SearchStrategy[str]:
    """Return a strategy for product titles in a writing system, with Latin words and signs in between."""
    characters = characters_of(system)
    character = st.sampled_from(characters + JOINERS * (1 + len(characters) // 40))
    word = st.one_of(*[st.text(character, min_size=1, max_size=9)] * 4, st.sampled_from(["USB", "T-shirt", "2"]))
    parts = st.lists(st.tuples(word, st.sampled_from(SEPARATORS)), min_size=1, max_size=5)
    titles = parts.map(lambda pairs: "".join(word + separator for word, separator in pairs).strip())
    return titles.filter(bool)


def visible_words(title: str) -> list[str]:
    """Return the words of a title that have visible characters."""
    return [word for word in title.split() if is_visible(word)]


def prefixes_of(title: str) -> list[str]:
    """Return the prefixes of a title from three characters on, as the search field receives them."""
    typed = [" ".join(title[:length].split()) for length in range(3, len(title) + 1)]
    return [text for text in dict.fromkeys(typed) if len(text) >= 3 and is_visible(text)]


def is_visible(text: str) -> bool:
    return any(unicodedata.category(character) not in ("Cf", "Zs") for character in text)
