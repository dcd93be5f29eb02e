"""Markdown of pages as HTML and as plain text. Raw HTML and pictures are not allowed."""

from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_PARAGRAPHS = 2  # of the beginning of a page
MAX_KEPT = 64  # texts whose HTML a process keeps
TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto", "tel"}
PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


@lru_cache(maxsize=MAX_KEPT)
def render_html(markdown: str, top: int = 2) -> SafeString:
    """Return the Markdown as safe HTML. Its highest headings have the level `top`, below the title of the page."""
    tokens = PARSER.parse(markdown)
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    highest = min((int(token.tag[1:]) for token in headings), default=1)
    for token in headings:
        token.tag = f"h{min(int(token.tag[1:]) - highest + top, 6)}"
    return _clean(PARSER.renderer.render(tokens, PARSER.options, {}))


@lru_cache(maxsize=MAX_KEPT)
def render_beginning(markdown: str) -> SafeString:
    """Return the first paragraphs of the Markdown as safe HTML, without headings, lists and paragraphs in bold."""
    tokens = PARSER.parse(markdown)
    starts = [
        number
        for number, token in enumerate(tokens)
        if token.type == "paragraph_open" and token.level == 0 and not _is_bold(tokens[number + 1])
    ]
    shown = [token for start in starts[:MAX_PARAGRAPHS] for token in tokens[start : start + 3]]
    return _clean(PARSER.renderer.render(shown, PARSER.options, {}))


def _is_bold(inline: Token) -> bool:
    """Return whether all of the paragraph is in bold, as notices at the top of a page are."""
    types = [child.type for child in inline.children or [] if child.type != "text" or child.content]
    return types[:1] == ["strong_open"] and types.index("strong_close") == len(types) - 1


def _clean(html: str) -> SafeString:
    cleaned = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=None)
    return mark_safe(cleaned)  # noqa: S308 - cleaned above


@lru_cache(maxsize=MAX_KEPT)
def render_text(markdown: str) -> str:
    """Return the Markdown as plain text, for the text part of emails. Links are followed by their URL."""
    return _TextRenderer().render(PARSER.parse(markdown))


class _TextRenderer:
    """Renders blocks as lines of text, with an empty line between them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.numbers: list[int] = []  # of the next item of each open list; 0 if its items have bullets
        self.mark = ""  # what the next line begins with
        self.cells: list[str] | None = None  # of the open row of a table

    def render(self, tokens: list[Token]) -> str:
        for token in tokens:
            handle = getattr(self, f"_{token.type}", None)
            if handle:
                handle(token)
        return "\n".join(self.lines).strip("\n")

    def _inline(self, token: Token) -> None:
        if self.cells is not None:
            self.cells.append(_text_of(token))
            return
        indent, after = "  " * max(len(self.numbers) - 1, 0), "  " if self.numbers else ""
        first, *others = _text_of(token).split("\n")
        self.lines += [f"{indent}{self.mark or after}{first}", *[f"{indent}{after}{line}" for line in others]]
        self.mark = ""

    def _end_block(self, token: Token) -> None:
        if not self.numbers:
            self.lines.append("")

    _heading_close = _paragraph_close = _table_close = _end_block

    def _bullet_list_open(self, token: Token) -> None:
        self.numbers.append(0)

    def _ordered_list_open(self, token: Token) -> None:
        self.numbers.append(int(token.attrGet("start") or 1))

    def _close_list(self, token: Token) -> None:
        self.numbers.pop()
        self._end_block(token)

    _bullet_list_close = _ordered_list_close = _close_list

    def _list_item_open(self, token: Token) -> None:
        number = self.numbers[-1]
        self.mark = f"{number}. " if number else "- "
        self.numbers[-1] = number + 1 if number else 0

    def _tr_open(self, token: Token) -> None:
        self.cells = []

    def _tr_close(self, token: Token) -> None:
        self.lines.append(" | ".join(self.cells or []))
        self.cells = None

    def _code_block(self, token: Token) -> None:
        self.lines += [*token.content.rstrip("\n").split("\n"), ""]

    _fence = _code_block

    def _hr(self, token: Token) -> None:
        self.lines += ["----------", ""]


def _text_of(token: Token) -> str:
    """Return the text of a paragraph, heading or cell."""
    pieces: list[str] = []
    links: list[tuple[str, int]] = []  # URLs, and where their labels begin
    for child in token.children or []:
        if child.type == "link_open":
            links.append((str(child.attrGet("href") or ""), len(pieces)))
        elif child.type == "link_close":
            url, start = links.pop()
            url = url.removeprefix("mailto:").removeprefix("tel:")
            pieces.append("" if url == "".join(pieces[start:]) else f" ({url})")
        else:
            pieces.append("\n" if child.type in ("softbreak", "hardbreak") else child.content)
    return "".join(pieces)
