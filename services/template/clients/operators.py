"""The binary operators of templates: like Python's, but none makes much out of little."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from services.template.clients.budget import Budget

MAX_BITS = 256
"""Largest whole number that is made."""
_LONGEST_TEXT_NUMBER = 400
# One conversion of the `%` operator, with widths of two digits at most and none taken from the arguments.
_CONVERSION = re.compile(r"%(?:\([^()%]*\))?[-+ #0]*\d{0,2}(?:\.\d{0,2})?[diouxXeEfFgGcrs%]")

Operator = Callable[[Budget, Any, Any], Any]


class NumberTooLarge(ArithmeticError):
    """A whole number has more digits than any message needs."""


def _add(budget: Budget, left: Any, right: Any) -> Any:
    if not _are_numbers(left, right):
        budget.charge(left, right)
    return left + right


def _multiply(budget: Budget, left: Any, right: Any) -> Any:
    if _are_numbers(left, right):
        return left * right
    text, count = (left, right) if isinstance(left, str) else (right, left)
    if not isinstance(text, str) or not isinstance(count, int):
        raise TypeError("* takes two numbers, or a text and a whole number")
    budget.spend_characters(len(text) * max(count, 0))
    return text * count


def _power(_budget: Budget, left: Any, right: Any) -> Any:
    _need_numbers(left, right)
    whole = isinstance(left, int) and isinstance(right, int)
    if whole and left.bit_length() * right > MAX_BITS:
        raise NumberTooLarge
    return left**right


def _remainder(budget: Budget, left: Any, right: Any) -> Any:
    if isinstance(left, str):
        return format_percent(budget, left, right)
    _need_numbers(left, right)
    return left % right


def _of_numbers(function: Callable[[Any, Any], Any]) -> Operator:
    def operate(_budget: Budget, left: Any, right: Any) -> Any:
        _need_numbers(left, right)
        return function(left, right)

    return operate


_OPERATORS: dict[str, Operator] = {
    "+": _add,
    "-": _of_numbers(operator.sub),
    "*": _multiply,
    "/": _of_numbers(operator.truediv),
    "//": _of_numbers(operator.floordiv),
    "**": _power,
    "%": _remainder,
}
NAMES = frozenset(_OPERATORS)


def operate(budget: Budget, name: str, left: Any, right: Any) -> Any:
    """Returns what an operator makes of two values."""
    budget.spend(1)
    return small(_OPERATORS[name](budget, left, right))


def small(result: Any) -> Any:
    """Returns a result; raises NumberTooLarge for a whole number of too many digits."""
    if isinstance(result, int) and result.bit_length() > MAX_BITS:
        raise NumberTooLarge
    return result


def format_percent(budget: Budget, text: str, values: Any) -> str:
    """Returns `text % values`, for example `"%.2f" % amount`; widths are limited."""
    budget.charge(text)
    conversions = len(_CONVERSION.findall(text))
    if "%" in _CONVERSION.sub("", text):
        raise ValueError("a conversion takes a width and a precision of at most two digits")
    for _ in budget.each(range(conversions), steps=10):
        budget.charge(values)
    formatted: str = text % values
    return formatted


def whole_number(value: Any, default: Any = 0) -> Any:
    """Returns a value as a whole number, as the filter `int` does, but no endless one."""
    if isinstance(value, str) and len(value) > _LONGEST_TEXT_NUMBER:
        raise NumberTooLarge
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = _from_fraction(value, default)
    return small(number)


def divides(number: Any, by: Any) -> bool:
    """Says whether a number is a multiple of another; of a text `%` would be formatting."""
    _need_numbers(number, by)
    divisible: bool = number % by == 0
    return divisible


def _from_fraction(value: Any, default: Any) -> Any:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


def _are_numbers(left: Any, right: Any) -> bool:
    return isinstance(left, (int, float)) and isinstance(right, (int, float))


def _need_numbers(left: Any, right: Any) -> None:
    if not _are_numbers(left, right):
        raise TypeError("this operator takes two numbers")
