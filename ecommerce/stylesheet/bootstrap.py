"""The part of Bootstrap's stylesheet that the shop uses.

The rules come from the package. Those for other components are left out, because the whole file is ten times as large.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import tinycss2

# The classes of Bootstrap that templates, forms and crispy-forms use. A test finds each class that is missing here.
KEPT = frozenset(
    "active badge breadcrumb breadcrumb-item btn btn-danger btn-lg btn-link btn-outline-primary btn-outline-secondary "
    "btn-primary container-xl d-block disabled form-check form-check-input form-check-label form-control form-label "
    "form-select form-text invalid-feedback is-invalid lead mb-3 mt-3 mt-4 nav-link navbar navbar-brand navbar-nav "
    "page-item page-link pagination text-body-secondary text-center visually-hidden visually-hidden-focusable "
    "w-100".split()
)
DARK = "[data-bs-theme=dark]"  # The shop follows the browser's color scheme, with variables of its own.


def used_rules(css: str, own: str) -> str:
    """Return the rules of Bootstrap's stylesheet that can apply in the shop.

    `own` is the stylesheet of the shop. Variables that neither of them reads are left out.
    """
    rules = _rules(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True))
    return _without_unused_variables("".join(rules), own)


def _rules(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        if node.type == "at-rule" and node.at_keyword in ("media", "supports"):
            inner = "".join(_rules(tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)))
            if inner:
                yield f"@{node.at_keyword}{tinycss2.serialize(node.prelude)}{{{inner}}}"
        elif node.type == "qualified-rule" and (selectors := _used_selectors(tinycss2.serialize(node.prelude))):
            yield f"{selectors}{{{tinycss2.serialize(node.content)}}}"


def _used_selectors(text: str) -> str:
    return ",".join(selector for selector in _split(text) if _is_used(selector))


def _split(selectors: str) -> list[str]:
    """Split a list of selectors at the commas that are not within parentheses."""
    return re.split(r",(?![^()]*\))", selectors)


def _is_used(selector: str) -> bool:
    """Check whether all classes of the selector are kept. Those that it excludes do not count."""
    needed = re.sub(r":not\([^)]*\)", "", selector)
    return DARK not in selector and set(re.findall(r"\.(-?[A-Za-z_][\w-]*)", needed)) <= KEPT


def _without_unused_variables(css: str, own: str) -> str:
    """Remove the variables that nothing reads, then those that only they have read, and so on."""
    shorter = _keep_variables(css, used=set(re.findall(r"var\((--[\w-]+)", css + own)))
    return _without_unused_variables(shorter, own) if shorter != css else re.sub(r"[^{}]*{}", "", css)


def _keep_variables(css: str, used: set[str]) -> str:
    declaration = r"(?<=[{;])(--bs-[\w-]+):[^;{}]*(?:;|(?=}))"
    return re.sub(declaration, lambda found: found[0] if found[1] in used else "", css)
