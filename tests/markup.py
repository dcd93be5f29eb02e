"""A minimal HTML tree for tests, based on the standard library."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = set("area base br col embed hr img input link meta source track wbr".split())


@dataclass
class Element:
    """An HTML element with its children and text."""

    tag: str
    attrs: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the element and its descendants, with whitespace collapsed."""
        return " ".join(" ".join(self.strings).split())

    def all(self, tag: str = "", **attrs: str) -> Iterator["Element"]:
        """Yield the descendants with this tag and these attributes in document order. `_` in names means `-`."""
        wanted = {name.strip("_").replace("_", "-"): value for name, value in attrs.items()}
        for element in self.children:
            if tag in ("", element.tag) and wanted.items() <= element.attrs.items():
                yield element
            yield from element.all(tag, **attrs)

    def one(self, tag: str = "", **attrs: str) -> "Element":
        """Return the only matching descendant. Raise ValueError if there is not exactly one."""
        [element] = self.all(tag, **attrs)
        return element


class _TreeBuilder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while len(self.open) > 1 and tag not in VOID:
            if self.open.pop().tag == tag:
                return

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.strings.append(data)


def parse_html(page: str) -> Element:
    """Parse the page and return its root element."""
    builder = _TreeBuilder()
    builder.feed(page)
    return builder.open[0]
