"""A page as a tree that tests can ask, read by the standard library alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = set("area base br col embed hr img input link meta source track wbr".split())


@dataclass
class Element:
    """One tag with what stands in it."""

    tag: str
    attrs: dict[str, str]
    inside: list["Element"] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All its words, those of the elements within included."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str = "", **attrs: str) -> Iterator["Element"]:
        """The elements within that have this tag and these attributes, in the page's order; `_` stands for `-`."""
        wanted = {name.strip("_").replace("_", "-"): value for name, value in attrs.items()}
        for element in self.inside:
            if tag in ("", element.tag) and wanted.items() <= element.attrs.items():
                yield element
            yield from element.all(tag, **attrs)

    def one(self, tag: str = "", **attrs: str) -> "Element":
        """The only such element."""
        [element] = self.all(tag, **attrs)
        return element


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while len(self.open) > 1 and tag not in VOID:
            if self.open.pop().tag == tag:
                return

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.words.append(data)


def read(page: str) -> Element:
    """The page's root."""
    reader = _Reader()
    reader.feed(page)
    return reader.open[0]
