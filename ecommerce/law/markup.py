"""A rendered page as a list of what stands on it, in the order in which readers meet it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


@dataclass
class Part:
    """An element, the tags around it, and its text. `start` and `end` are its place among all texts and elements."""

    tag: str
    attrs: dict[str, str]
    around: tuple[str, ...]
    start: int
    end: int = 0
    strings: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.strings).split())

    def has_class(self, name: str) -> bool:
        return name in self.attrs.get("class", "").split()


class Markup(HTMLParser):
    """A page that has been parsed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[Part] = []
        self.texts: list[tuple[int, str]] = []  # with their places
        self._open: list[Part] = []
        self._place = 0
        self.feed(page)

    def all(self, *tags: str) -> list[Part]:
        """Return the elements with one of these tags."""
        return [part for part in self.parts if part.tag in tags]

    def text_between(self, start: int, end: int) -> str:
        """Return the text between two places, with whitespace collapsed."""
        return " ".join(" ".join(text for place, text in self.texts if start <= place < end).split())

    @property
    def text(self) -> str:
        return self.text_between(0, self._place + 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self._place += 1
        around = tuple(part.tag for part in self._open)
        part = Part(tag, {name: value or "" for name, value in attrs}, around, self._place)
        self.parts.append(part)
        if tag not in VOID:
            self._open.append(part)

    def handle_endtag(self, tag: str) -> None:
        """Note where the element ends."""
        if tag in [part.tag for part in self._open]:
            while self._close().tag != tag:
                pass

    def _close(self) -> Part:
        part = self._open.pop()
        part.end = self._place
        return part

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self._place += 1
        self.texts.append((self._place, data))
        for part in self._open:
            part.strings.append(data)
