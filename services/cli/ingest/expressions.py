"""The arithmetic and the conditions of a mapping: a small, safe part of Python's expressions on Decimals.

Names are columns, fields and parameters; a column with other characters is written `col('Loan Status')`.
There are + - * / ( ), comparisons, `in ('a', 'b')`, and, or, not, `x if c else y`, and a few functions.
Nothing else parses: no attribute, no index, no power, no call of anything that is not listed here.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any, Final

from services.cli.ingest.errors import MappingError, RowError

__all__ = ["Expression", "Scalar", "Style", "compile_expression", "empty"]

Scalar = str | Decimal | date | bool | None
Row = Mapping[str, Any]
Run = Callable[[Row], Scalar]

_CONTEXT: Final = Context(prec=34, traps=[InvalidOperation, DivisionByZero, Overflow])
_LONGEST: Final = 1000
_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]]] = {
    ast.Add: _CONTEXT.add,
    ast.Sub: _CONTEXT.subtract,
    ast.Mult: _CONTEXT.multiply,
    ast.Div: _CONTEXT.divide,
}
_ORDER: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Style:
    """How the file writes numbers."""

    point: str = "."
    thousands: str = ""

    def number(self, name: str, value: Scalar) -> Decimal:
        """Read a number; RowError where it is none, is empty, or has more than 30 digits."""
        if isinstance(value, Decimal):
            return value
        if empty(value):
            raise RowError(name, "is empty")
        if not isinstance(value, str):
            raise RowError(name, "is not a number")
        text = value.strip()
        if self.thousands:
            text = text.replace(self.thousands, "")
        if self.point != ".":
            text = text.replace(self.point, ".")
        try:
            number = Decimal(text) if len(text) <= 40 and "_" not in text and text.isascii() else None
        except InvalidOperation:
            number = None
        # The bound on the exponent keeps a hostile 1e999999999 from becoming a number of a billion digits.
        if number is None or not number.is_finite() or not -30 <= number.adjusted() <= 30:
            raise RowError(name, "is not a number")
        return number


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression: the names it reads, and how to work it out for a row."""

    names: frozenset[str]
    run: Run
    label: str
    style: Style

    def number(self, row: Row) -> Decimal:
        """Work out a number. Raises RowError."""
        return self.style.number(self.label, self.run(row))

    def flag(self, row: Row) -> bool:
        """Work out a condition. Raises RowError."""
        value = self.run(row)
        if not isinstance(value, bool):
            raise RowError(self.label, "is not a condition")
        return value


def empty(value: Scalar) -> bool:
    """Whether a cell has nothing in it."""
    return value is None or (isinstance(value, str) and not value.strip())


def compile_expression(text: str, where: str, style: Style) -> Expression:
    """Compile the expression at the key `where` of a mapping. Raises MappingError."""
    if len(text) > _LONGEST:
        raise MappingError(f"{where}: an expression has at most {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        compiler = _Compiler(where, style)
        run = compiler.node(tree.body)
    except MappingError:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise MappingError(f"{where}: {text!r} is not an expression") from None
    bare = isinstance(tree.body, ast.Name | ast.Attribute)  # then the column itself is what is wrong
    return Expression(frozenset(compiler.names), run, text.strip() if bare else where, style)


class _Compiler:
    def __init__(self, where: str, style: Style) -> None:
        self.where = where
        self.style = style
        self.names: set[str] = set()

    def node(self, node: ast.expr) -> Run:
        match node:
            case ast.Constant(value=bool() as truth):
                return lambda _row: truth
            case ast.Constant(value=int() | float() as literal):
                constant = Decimal(repr(literal))
                return lambda _row: constant
            case ast.Constant(value=str() as words):
                return lambda _row: words
            case ast.Name() | ast.Attribute():
                return self._name(self._dotted(node))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                negated = self.number(operand)
                return lambda row: _CONTEXT.minus(negated(row))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.flag(operand)
                return lambda row: not inner(row)
            case ast.BoolOp(op=op, values=values):
                flags = [self.flag(value) for value in values]
                if isinstance(op, ast.And):
                    return lambda row: all(flag(row) for flag in flags)
                return lambda row: any(flag(row) for flag in flags)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                when, then, other = self.flag(test), self.node(body), self.node(orelse)
                return lambda row: then(row) if when(row) else other(row)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return self._arithmetic(_ARITHMETIC[type(op)], self.number(left), self.number(right))
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare(left, ops, others)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args)
        raise MappingError(f"{self.where}: expressions do not know {ast.unparse(node)!r}")

    def number(self, node: ast.expr) -> Callable[[Row], Decimal]:
        run, label = self.node(node), ast.unparse(node)
        return lambda row: self.style.number(label, run(row))

    def flag(self, node: ast.expr) -> Callable[[Row], bool]:
        run, label = self.node(node), ast.unparse(node)

        def condition(row: Row) -> bool:
            value = run(row)
            if not isinstance(value, bool):
                raise RowError(label, "is not a condition")
            return value

        return condition

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute):
            return f"{self._dotted(node.value)}.{node.attr}"
        raise MappingError(f"{self.where}: expressions do not know {ast.unparse(node)!r}")

    def _name(self, name: str) -> Run:
        self.names.add(name)
        return lambda row: row.get(name)

    def _arithmetic(
        self,
        operate: Callable[[Decimal, Decimal], Decimal],
        left: Callable[[Row], Decimal],
        right: Callable[[Row], Decimal],
    ) -> Run:
        def run(row: Row) -> Scalar:
            try:
                return operate(left(row), right(row))
            except DivisionByZero:
                raise RowError(self.where, "divides by zero") from None
            except (InvalidOperation, Overflow):
                raise RowError(self.where, "cannot be worked out") from None

        return run

    def _compare(self, first: ast.expr, ops: list[ast.cmpop], others: list[ast.expr]) -> Run:
        if len(ops) == 1 and isinstance(ops[0], ast.In | ast.NotIn):
            if not isinstance(others[0], ast.Tuple | ast.List):
                raise MappingError(f"{self.where}: `in` needs a list of values")
            item, members = self.node(first), [self.node(member) for member in others[0].elts]
            wanted = isinstance(ops[0], ast.In)
            return lambda row: any(self._equal(item(row), member(row)) for member in members) is wanted
        sides = [self.node(side) for side in (first, *others)]
        labels = [ast.unparse(side) for side in (first, *others)]
        tests: list[Callable[[Row], bool]] = []
        for at, op in enumerate(ops):
            tests.append(self._pair(op, sides[at], sides[at + 1], labels[at], labels[at + 1]))
        return lambda row: all(test(row) for test in tests)

    def _pair(self, op: ast.cmpop, left: Run, right: Run, name: str, other: str) -> Callable[[Row], bool]:
        if isinstance(op, ast.Eq):
            return lambda row: self._equal(left(row), right(row))
        if isinstance(op, ast.NotEq):
            return lambda row: not self._equal(left(row), right(row))
        order = _ORDER.get(type(op))
        if order is None:
            raise MappingError(f"{self.where}: expressions do not know this comparison")

        def test(row: Row) -> bool:
            a, b = left(row), right(row)
            if isinstance(a, date) or isinstance(b, date):
                return order(_date(name, a), _date(other, b))
            return order(self.style.number(name, a), self.style.number(other, b))

        return test

    def _equal(self, a: Scalar, b: Scalar) -> bool:
        """Numbers are compared as numbers where one side is one, everything else as trimmed text."""
        if isinstance(a, Decimal) or isinstance(b, Decimal):
            try:
                return self.style.number("", a) == self.style.number("", b)
            except RowError:
                return False
        return _text(a) == _text(b)

    def _call(self, name: str, args: list[ast.expr]) -> Run:
        match name, args:
            case "col", [ast.Constant(value=str() as column)]:
                return self._name(column)
            case "empty", [value]:
                run = self.node(value)
                return lambda row: empty(run(row))
            case "default", [value, other]:
                run, fallback = self.node(value), self.node(other)
                return lambda row: fallback(row) if empty(run(row)) else run(row)
            case (("min" | "max"), [_, _, *_]):
                numbers = [self.number(arg) for arg in args]
                pick = min if name == "min" else max
                return lambda row: pick(number(row) for number in numbers)
            case "abs", [value]:
                number = self.number(value)
                return lambda row: abs(number(row))
            case (("floor" | "ceil"), [value]):
                number = self.number(value)
                mode = ROUND_FLOOR if name == "floor" else ROUND_CEILING
                return lambda row: number(row).to_integral_value(rounding=mode)
            case "days_between", [first, last]:
                start, end = self.node(first), self.node(last)
                names = ast.unparse(first), ast.unparse(last)
                return lambda row: Decimal((_date(names[1], end(row)) - _date(names[0], start(row))).days)
        raise MappingError(f"{self.where}: expressions do not know {name}() with {len(args)} values")


def _date(name: str, value: Scalar) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(_text(value))
    except ValueError:
        raise RowError(name, "is not a date (a field can read it: { date = …, format = … })") from None


def _text(value: Scalar) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value).strip()
