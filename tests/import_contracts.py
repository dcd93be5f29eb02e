"""Contracts for import-linter that its own types cannot express: an allow-list of pages, and no import cycles."""

import re
from collections.abc import Iterator
from typing import Any

from importlinter import Contract, ContractCheck, fields, output


def compile_patterns(patterns: Any) -> re.Pattern[str]:
    """Return a regular expression for module patterns: `*` is one name, `**` is any number of names, even none."""
    parts = []
    for pattern in patterns:
        text = re.escape(str(pattern)).replace(r"\.\*\*", r"(\.\w+)*").replace(r"\*\*", r"\w+(\.\w+)*")
        parts.append(text.replace(r"\*", r"\w+"))
    return re.compile("|".join(f"(?:{part})" for part in parts))


class DomainContract(Contract):
    """Domain modules import in one direction, and no page. Every module is a domain module unless a pattern lists it.

    `layers` names the packages from the highest to the lowest; packages in one line, separated by spaces, do not
    import each other. `pages` lists the modules that may import all domain modules. `ignored` modules are not checked.
    """

    layers = fields.ListField(subfield=fields.StringField())
    pages = fields.ListField(subfield=fields.StringField())
    ignored = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: Any, verbose: bool) -> ContractCheck:
        """Check all direct imports of domain modules."""
        problems = sorted(self._problems(graph))
        return ContractCheck(kept=not problems, metadata={"problems": problems})

    def _problems(self, graph: Any) -> Iterator[str]:
        layers: Any = self.layers
        pages, ignored = compile_patterns(self.pages), compile_patterns(self.ignored or [""])
        rank = {package: -number for number, line in enumerate(layers) for package in line.split()}
        for module in graph.modules:
            app = module.partition(".")[0]
            if app not in rank or pages.fullmatch(module) or ignored.fullmatch(module):
                continue
            for other in graph.find_modules_directly_imported_by(module):
                other_app = other.partition(".")[0]
                if pages.fullmatch(other):
                    yield f"{module} is a domain module and imports the page {other}"
                elif ignored.fullmatch(other):
                    yield f"{module} imports {other}"
                elif other_app in rank and other_app != app and rank[other_app] >= rank[app]:
                    yield f"{module} imports {other}, against the direction of the layers"

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each wrong import."""
        for problem in check.metadata["problems"]:
            output.print_error(problem)


class AcyclicFilesContract(Contract):
    """No module imports itself through other modules."""

    type_name = "acyclic_files"

    def check(self, graph: Any, verbose: bool) -> ContractCheck:
        """Look for import cycles."""
        cycles = sorted(_cycles(graph))
        return ContractCheck(kept=not cycles, metadata={"cycles": cycles})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each cycle."""
        for cycle in check.metadata["cycles"]:
            output.print_error(cycle)


def _cycles(graph: Any) -> Iterator[str]:
    """Yield the shortest cycle through each module that is in one."""
    seen: set[str] = set()
    for module in sorted(graph.modules):
        for other in sorted(graph.find_modules_directly_imported_by(module)):
            chain = None if other in seen else graph.find_shortest_chain(importer=other, imported=module)
            if chain:
                seen |= set(chain)
                yield " -> ".join([module, *chain])
