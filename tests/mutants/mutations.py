"""List the small faults that can be put into a module: one wrong comparison, one lost keyword, one lost statement."""

from __future__ import annotations

import ast
import copy
import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import accumulate

from attrs import frozen

__all__ = ["Mutant", "mutants"]

_WORD = re.compile(r"\S{1,40}")
_NOT_ARGUMENTS = frozenset({"kw_only", "slots", "repr"})
"""Keywords that say how a class is called, stored or shown, and not what it does."""

_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_NEIGHBOUR: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}


@frozen(kw_only=True)
class Mutant:
    """One fault in one module.

    ``module`` is its path in the repository, ``within`` the function or class, ``kind`` what was done, ``before`` and
    ``after`` the code on one line, and ``number`` counts faults that are alike. ``first`` and ``last`` are its lines,
    ``runs_at_import`` whether they are outside of every function. ``code`` takes the place of the bytes from ``start``
    to ``end``.
    """

    module: str
    within: str
    kind: str
    before: str
    after: str
    number: int
    first: int
    last: int
    runs_at_import: bool
    start: int
    end: int
    code: str

    @property
    def name(self) -> str:
        """A name that stays as it is when other lines of the module change."""
        number = f" ({self.number})" if self.number else ""
        return f"{self.module} {self.within}: {self.kind}: {self.before} → {self.after}{number}"

    @property
    def package(self) -> str:
        """The package that it is in; ``kvnet`` for the modules beside the packages."""
        parts = self.module.split("/")
        return parts[1] if len(parts) > 2 else "kvnet"

    def source(self, text: str) -> str:
        """The text of the module with the fault; all other lines stay as they are."""
        whole = text.encode()
        return (whole[: self.start] + self.code.encode() + whole[self.end :]).decode()

    def diff(self, text: str) -> str:
        """The lines that differ."""
        lines = difflib.unified_diff(text.splitlines(), self.source(text).splitlines(), n=0, lineterm="")
        return "\n".join(line for line in lines if not line.startswith(("---", "+++")))

    def rank(self, seed: int) -> bytes:
        """Where the mutant comes in the order of a seed, whatever other mutants there are."""
        return sha256(f"{seed} {self.name}".encode()).digest()


@frozen
class _Change:
    kind: str
    node: ast.expr | ast.stmt
    becomes: ast.AST


def mutants(module: str, text: str) -> list[Mutant]:
    """All mutants of a module, in the order of their lines."""
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    lines = [0, *accumulate(map(len, text.encode().splitlines(keepends=True)))]
    for within, in_function, change in _Finder().all_of(ast.parse(text)):
        node, code = change.node, ast.unparse(change.becomes)
        before, after = _one_line(ast.unparse(node)), _one_line(code)
        key = (within, change.kind, before, after)
        found.append(
            Mutant(
                module=module,
                within=within,
                kind=change.kind,
                before=before,
                after=after,
                number=seen[key],
                first=node.lineno,
                last=node.end_lineno or node.lineno,
                runs_at_import=not in_function,
                start=lines[node.lineno - 1] + node.col_offset,
                end=lines[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0),
                code=f"({code})" if isinstance(node, ast.expr) else code,
            )
        )
        seen[key] += 1
    return found


def _one_line(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) <= 100 else f"{line[:60]}…{sha256(line.encode()).hexdigest()[:8]}"


class _Finder:
    """A walk over a module that knows which function or class it is in, and passes by what says nothing at run time."""

    def __init__(self) -> None:
        self._within: list[str] = []
        self._functions = 0

    def all_of(self, node: ast.AST) -> Iterator[tuple[str, bool, _Change]]:
        if isinstance(node, (ast.expr, ast.stmt)):
            for make in _KINDS:
                for change in make(node):
                    yield ".".join(self._within) or "(module)", self._functions > 0, change
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield from self._definition(node)
            return
        for child in _children(node):
            yield from self.all_of(child)

    def _definition(self, node: ast.FunctionDef | ast.ClassDef) -> Iterator[tuple[str, bool, _Change]]:
        self._within.append(node.name)
        is_function = isinstance(node, ast.FunctionDef)
        heads: list[ast.AST] = [*node.decorator_list]
        if isinstance(node, ast.FunctionDef):
            heads += [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]
        for head in heads:
            yield from self.all_of(head)
        self._functions += is_function
        for child in node.body:
            if not _is_text(child):
                yield from self.all_of(child)
        self._functions -= is_function
        self._within.pop()


def _children(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.pattern():
            return  # messages are read by people; an f-string's positions are unknown to Python 3.11
        case ast.AnnAssign(target=target, value=value):
            if _target(target) != "__all__" and value is not None:
                yield value
        case ast.Assign(targets=[target], value=value):
            if _target(target) != "__all__":
                yield value
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=orelse):
            yield from orelse
        case ast.Call(func=ast.Name(id="cast" | "TypeVar"), args=args):
            yield from args[1:]
        case ast.Call(func=ast.Name(id="zip"), args=args):
            yield from args  # strict=True asserts what holds
        case ast.Subscript(value=ast.Name(id="Literal" | "tuple" | "dict" | "Callable")):
            return  # a type
        case ast.keyword(arg=arg) if arg in _NOT_ARGUMENTS:
            return
        case ast.match_case(guard=guard, body=body):
            yield from [guard] if guard else []
            yield from body
        case _:
            yield from (child for child in ast.iter_child_nodes(node) if not _is_text(child))


def _target(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _is_text(node: ast.AST) -> bool:
    """Whether it is a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _comparisons(node: ast.expr | ast.stmt) -> Iterator[_Change]:
    if not isinstance(node, ast.Compare) or _target(node.left) == "__name__":
        return
    for place, operator in enumerate(node.ops):
        for kind, table in (("comparison", _OPPOSITE), ("boundary", _NEIGHBOUR)):
            if type(operator) in table:
                ops = [*node.ops[:place], table[type(operator)](), *node.ops[place + 1 :]]
                yield _Change(kind, node, ast.Compare(node.left, ops, node.comparators))


def _and_or(node: ast.expr | ast.stmt) -> Iterator[_Change]:
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _Change("and/or", node, ast.BoolOp(other, node.values))


def _arithmetic(node: ast.expr | ast.stmt) -> Iterator[_Change]:
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield _Change("arithmetic", node, ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right))


def _constants(node: ast.expr | ast.stmt) -> Iterator[_Change]:
    match node:
        case ast.Constant(value=bool(value)):
            yield _Change("constant", node, ast.Constant(not value))
        case ast.Constant(value=int(value)):
            yield _Change("constant", node, ast.Constant(value + 1))
        case ast.Constant(value=str(value)) if _WORD.fullmatch(value):
            # one of more words is a sentence for people
            yield _Change("constant", node, ast.Constant(f"{value}X"))


def _conditions(node: ast.expr | ast.stmt) -> Iterator[_Change]:
    tests: list[ast.expr] = []
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            tests = [test]
        case ast.ListComp(generators=loops) | ast.SetComp(generators=loops) | ast.GeneratorExp(generators=loops):
            tests = [test for loop in loops for test in loop.ifs]
        case ast.DictComp(generators=loops):
            tests = [test for loop in loops for test in loop.ifs]
    for test in tests:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            yield _Change("condition", test, test.operand)
        elif not isinstance(test, ast.Compare):  # those of one comparison are among the comparisons
            yield _Change("condition", test, ast.UnaryOp(ast.Not(), test))


def _statements(node: ast.expr | ast.stmt) -> Iterator[_Change]:
    match node:
        case ast.Continue():
            yield _Change("loop", node, ast.Break())
        case ast.Break():
            yield _Change("loop", node, ast.Continue())
        case ast.Return(value=value) if value is not None and not (
            isinstance(value, ast.Constant) and value.value is None
        ):
            yield _Change("statement", node, ast.Pass())
        case ast.Expr(value=value) if not isinstance(value, ast.Constant):
            yield _Change("statement", node, ast.Pass())
        case ast.Raise() | ast.AugAssign() | ast.Delete():
            yield _Change("statement", node, ast.Pass())
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield _Change("statement", node, ast.Pass())


def _elements(node: ast.expr | ast.stmt) -> Iterator[_Change]:
    match node:
        case (
            ast.Tuple(elts=elements, ctx=ast.Load()) | ast.List(elts=elements, ctx=ast.Load()) | ast.Set(elts=elements)
        ):
            for place in range(len(elements)):
                fewer = copy.copy(node)
                fewer.elts = [*elements[:place], *elements[place + 1 :]]
                yield _Change("element", node, fewer)
        case ast.Dict(keys=keys, values=values):
            for place in range(len(keys)):
                fewer_keys = [*keys[:place], *keys[place + 1 :]]
                yield _Change("key", node, ast.Dict(fewer_keys, [*values[:place], *values[place + 1 :]]))


def _arguments(node: ast.expr | ast.stmt) -> Iterator[_Change]:
    if not isinstance(node, ast.Call):
        return
    for place, keyword in enumerate(node.keywords):
        if keyword.arg and keyword.arg not in _NOT_ARGUMENTS and _target(node.func) != "zip":
            fewer = [*node.keywords[:place], *node.keywords[place + 1 :]]
            yield _Change("keyword", node, ast.Call(node.func, node.args, fewer))
    if _target(node.func) in ("min", "max"):
        return  # of two numbers, whichever comes first
    if len(node.args) > 1 and not any(isinstance(each, ast.Starred) for each in node.args[:2]):
        first, second, *others = node.args
        if ast.dump(first) != ast.dump(second):
            yield _Change("swap", node, ast.Call(node.func, [second, first, *others], node.keywords))


_KINDS: tuple[Callable[[ast.expr | ast.stmt], Iterator[_Change]], ...] = (
    _comparisons,
    _and_or,
    _arithmetic,
    _constants,
    _conditions,
    _statements,
    _elements,
    _arguments,
)
