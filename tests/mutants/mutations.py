"""The mutants of a module. cosmic-ray makes them; this module leaves out those that say nothing about the tests."""

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from functools import cache

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider

from tests.mutants.places import functions_of

# Of the many replacements of one operator, only those that a mistake could make. The others raise a TypeError for
# amounts and querysets, which any test notices, or compare identities, which CPython may answer like equality.
REPLACEMENTS = {
    "ReplaceBinaryOperator_": "Add_Sub Sub_Add Mul_Div Div_Mul FloorDiv_Mul Mod_Mul BitOr_BitAnd BitAnd_BitOr",
    "ReplaceComparisonOperator_": "Eq_NotEq NotEq_Eq Lt_LtE Lt_GtE LtE_Lt LtE_Gt Gt_GtE Gt_LtE GtE_Gt GtE_Lt"
    " Is_IsNot IsNot_Is",
    "ReplaceUnaryOperator_": "USub_UAdd Delete_Not Delete_Invert",
    "": "AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd ReplaceBreakWithContinue"
    " ReplaceContinueWithBreak ExceptionReplacer NumberReplacer RemoveDecorator ZeroIterationForLoop",
}
OPERATORS = [prefix + name for prefix, names in REPLACEMENTS.items() for name in names.split()]
NO_BEHAVIOR = {"dataclass", "final", "override", "overload"}  # decorators for types and frozen values
# The test database is created from the migrations, and `makemigrations --check` compares them with the models.
DECLARATIONS = re.compile(r"models\.\w*(Field|ForeignKey|Constraint|Index)")
NO_BEHAVIOR_LINES = ("logger.", "logging.", "if TYPE_CHECKING:")
_PAIRS = [(ast.Eq, ast.NotEq), (ast.Lt, ast.GtE), (ast.LtE, ast.Gt), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)]
OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
Position = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """One change to one module. `function` is empty for what runs when the module is imported.

    Only the part of the source from `start` to `end`, a statement at the top level, is parsed again for each mutant.
    """

    path: str
    function: str
    operator: str
    line: int
    text: str
    number: int  # counts the mutants of this function that are equal in everything above except the line
    start: int
    end: int
    occurrence: int  # within this part

    @property
    def key(self) -> str:
        """A digest that does not change when other lines change."""
        values = (self.path, self.function, self.operator, self.text, str(self.number))
        return hashlib.sha256("\0".join(values).encode()).hexdigest()

    def part(self, source: str) -> str | None:
        """Return the mutated part, or None if it is not valid or means the same."""
        original = source[self.start : self.end]
        mutated = _mutate(original, self.operator, self.occurrence)
        return mutated if mutated and meaning(mutated) != meaning(original) else None

    def code(self, source: str) -> str:
        """Return the mutated source."""
        return source[: self.start] + (self.part(source) or "") + source[self.end :]

    def change(self, source: str) -> tuple[str, str]:
        """Return the changed line before and after. A removed line has an empty text after the change."""
        difference = list(unified_diff(source.splitlines(), self.code(source).splitlines(), n=0))[2:]
        before, after = ([line[1:].strip() for line in difference if line[0] == sign] for sign in "-+")
        return " ".join(before).strip(), " ".join(after).strip()


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Return all mutants of a module, in the order of the source and of the operators."""
    tree = ast.parse(source)
    ignored, functions, lines = list(_ignored_ranges(tree)), list(_functions(tree)), source.splitlines()
    seen: Counter[tuple[str, ...]] = Counter()
    mutants = []
    for operator, line, column, *place in _positions(source):
        if any(start <= (line, column) < end for start, end in ignored):
            continue
        function = next((name for first, last, name in functions if first <= line <= last), "")
        text = lines[line - 1].strip()
        seen[function, operator, text] += 1
        mutants.append(Mutant(path, function, operator, line, text, seen[function, operator, text], *place))
    return mutants


def _positions(source: str) -> Iterator[tuple[str, int, int, int, int, int]]:
    """Yield the operator, line and column of each change, the start and end of its part, and its occurrence there."""
    start, first_line = 0, 1
    for statement in get_ast(source).children:
        part = statement.get_code()
        nodes = list(ast_nodes(get_ast(part)))
        for operator in OPERATORS:
            instance = OperatorProvider()[operator]()
            found = [(node, place) for node in nodes for place, _ in instance.mutation_positions(node)]
            for occurrence, (node, (line, column)) in enumerate(found):
                if node.parent is None or node.parent.type != "parameters":  # the * and / of parameters
                    yield operator, first_line + line - 1, column, start, start + len(part), occurrence
        start += len(part)
        first_line += part.count("\n")


class _Canonical(ast.NodeTransformer):
    """Write a negated comparison as the opposite comparison, and remove double negations."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        operand = node.operand
        if not isinstance(node.op, ast.Not):
            return node
        if isinstance(operand, ast.UnaryOp) and isinstance(operand.op, ast.Not):
            return operand.operand
        if isinstance(operand, ast.Compare) and len(operand.ops) == 1:
            operand.ops = [OPPOSITES[type(operand.ops[0])]()]
            return operand
        return node


@cache
def meaning(source: str) -> str:
    """Return the syntax tree of the source as text. It is the same for mutants that mean the same."""
    return ast.dump(_Canonical().visit(ast.parse(source)))


@cache
def _mutate(source: str, operator: str, occurrence: int) -> str | None:
    try:
        mutated = mutate_code(source, OperatorProvider()[operator](), occurrence)
        ast.parse(mutated or "")
    except (AttributeError, SyntaxError):  # cosmic-ray cannot replace one of several dotted exceptions
        return None
    return mutated


def _functions(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """Yield the first line, the last line and the name of each function, including its decorators."""
    for function, name in functions_of(tree):
        first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
        yield first, function.end_lineno or first, name


def _ignored_ranges(tree: ast.Module) -> Iterator[tuple[Position, Position]]:
    """Yield the ranges whose mutants only make noise: types, columns, logging, and NO_BEHAVIOR."""
    for node in ast.walk(tree):
        for ignored in _ignored_parts(node):
            # A decorator starts at its @, one column before its expression.
            start = ignored.lineno, max(ignored.col_offset - 1, 0)
            yield start, (ignored.end_lineno or 0, ignored.end_col_offset or 0)


def _ignored_parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of one node of a syntax tree that are ignored."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield from (item for item in node.decorator_list if ast.unparse(item).split("(")[0] in NO_BEHAVIOR)
    if isinstance(node, ast.FunctionDef) and node.returns:
        yield node.returns
    elif isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases):
        yield node
    elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript) and _is_type(node.value):
        yield node.value
    elif _has_no_behavior(node):
        yield node


def _has_no_behavior(node: ast.AST) -> bool:
    """Return whether a node only writes to the log, or declares a column, a constraint or an index."""
    if isinstance(node, ast.Call):
        return DECLARATIONS.fullmatch(ast.unparse(node.func)) is not None
    return isinstance(node, ast.Expr | ast.If) and ast.unparse(node).startswith(NO_BEHAVIOR_LINES)


def _is_type(value: ast.Subscript) -> bool:
    """Return whether a subscript is a type, such as Callable[[int], None]."""
    return ast.unparse(value.value) in {"Callable", "dict", "list", "tuple", "set", "type"}
