"""Arithmetic of the small shell: ``$((n + 1))``. No I/O."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Final

from .lexer import ShellError

__all__ = ["evaluate"]

_LONGEST: Final = 1_000


def _divide(a: int, b: int) -> int:
    """Divide as C does: towards zero."""
    return -(-a // b) if (a < 0) is not (b < 0) else a // b


_OPERATORS: Mapping[type[ast.AST], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
    ast.Mod: lambda a, b: a - b * _divide(a, b),
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def evaluate(expression: str, get: Callable[[str], str]) -> int:
    """Return the value of an expression as a signed number of 64 bits.

    Args:
        expression: Numbers, names of variables, parentheses, ``+ - * / %`` and
            comparisons.
        get: Returns the value of a variable.

    Raises:
        ShellError: The expression is wrong, too long, or divides by zero.
    """
    # The grammar of these expressions is the same in Python, but for "$".
    text = re.sub(r"\$\{?([A-Za-z_]\w*)\}?", r"\1", expression)
    text = re.sub(r"\$\{?([0-9?#])\}?", lambda name: get(name[1]) or "0", text).strip()
    try:
        if len(text) > _LONGEST:
            raise ValueError
        return _value(ast.parse(text or "0", mode="eval").body, get)
    except ZeroDivisionError:
        raise ShellError("divide by zero") from None
    except (SyntaxError, KeyError, ValueError, RecursionError, MemoryError):
        raise ShellError("arithmetic syntax error") from None


def _value(node: ast.expr, get: Callable[[str], str]) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return _wrap(number)
        case ast.Name(id=name):
            return _wrap(int(get(name)[:20] or "0"))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _wrap(-_value(operand, get))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, get)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _wrap(_OPERATORS[type(op)](_value(left, get), _value(right, get)))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return int(_OPERATORS[type(op)](_value(left, get), _value(right, get)))
    raise ValueError


def _wrap(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63
