"""Procedures on numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

from megatest.scheme.argument import integer_of, number_of, text_of
from megatest.scheme.fault import SchemeFault
from megatest.scheme.number import divide, format_number, normalise, parse_number
from megatest.scheme.value import Value, is_number

_RADIXES: Final = (2, 8, 10, 16)


def _compare(name: str, test: Callable[[int | float, int | float], bool]) -> Callable[..., Value]:
    def compare(*values: Value) -> Value:
        numbers = [number_of(value, name) for value in values]
        return all(test(a, b) for a, b in pairwise(numbers))

    return compare


def add(*values: Value) -> Value:
    """``(+ a b ...)``."""
    total: int | float = 0
    for value in values:
        total = normalise(total + number_of(value, "+"))
    return total


def _multiply(*values: Value) -> Value:
    product: int | float = 1
    for value in values:
        product = normalise(product * number_of(value, "*"))
    return product


def _subtract(first: Value, *rest: Value) -> Value:
    result = number_of(first, "-")
    if not rest:
        return normalise(-result)
    for value in rest:
        result = normalise(result - number_of(value, "-"))
    return result


def _divide(first: Value, *rest: Value) -> Value:
    start = number_of(first, "/")
    result, divisors = (start, rest) if rest else (1, (first,))
    for value in divisors:
        result = _quotient_exact_or_float(result, number_of(value, "/"))
    return result


def _quotient_exact_or_float(a: int | float, b: int | float) -> int | float:
    if isinstance(a, int) and isinstance(b, int):
        if b == 0:
            raise SchemeFault("/: division by zero")
        if a % b == 0:
            return normalise(a // b)
    return divide(float(a), float(b))


def _whole(name: str, work: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    def divide_whole(a: Value, b: Value) -> Value:
        divisor = integer_of(b, name)
        if divisor == 0:
            raise SchemeFault(f"{name}: division by zero")
        result = work(integer_of(a, name), divisor)
        return float(result) if isinstance(a, float) or isinstance(b, float) else normalise(result)

    return divide_whole


def _truncated(a: int, b: int) -> int:
    magnitude = abs(a) // abs(b)
    return magnitude if (a < 0) == (b < 0) else -magnitude


def _rounding(name: str, work: Callable[[float], int]) -> Callable[[Value], Value]:
    def rounded(value: Value) -> Value:
        number = number_of(value, name)
        return float(work(number)) if isinstance(number, float) and math.isfinite(number) else number

    return rounded


def _exact(value: Value) -> Value:
    return normalise(integer_of(value, "inexact->exact"))


def _extreme(name: str, better: Callable[[int | float, int | float], bool]) -> Callable[..., Value]:
    def extreme(first: Value, *rest: Value) -> Value:
        numbers = [number_of(value, name) for value in (first, *rest)]
        best = numbers[0]
        for number in numbers[1:]:
            best = number if better(number, best) else best
        return float(best) if any(isinstance(n, float) for n in numbers) else best

    return extreme


def _real(name: str, work: Callable[[float], float]) -> Callable[[Value], Value]:
    def real(value: Value) -> Value:
        try:
            return work(float(number_of(value, name)))
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return real


def _power(base: Value, exponent: Value) -> Value:
    b, e = number_of(base, "expt"), number_of(exponent, "expt")
    if isinstance(b, int) and isinstance(e, int) and 0 <= e <= 128:
        return normalise(b**e)
    try:
        result = float(b) ** float(e)
    except ZeroDivisionError:
        return math.inf
    except OverflowError:
        return math.inf
    return math.nan if isinstance(result, complex) else result


def _square_root(value: Value) -> Value:
    number = number_of(value, "sqrt")
    if number < 0:
        return math.nan
    if isinstance(number, int) and math.isqrt(number) ** 2 == number:
        return math.isqrt(number)
    return math.sqrt(number)


def to_number(value: Value) -> Value:
    """``any->number``: the number that a value is or says; ``#f`` if it is none."""
    if is_number(value):
        return value
    number = parse_number(value) if isinstance(value, str) else None
    return False if number is None else number


def _string_to_number(text: Value, radix: Value = 10) -> Value:
    number = parse_number(text_of(text, "string->number"), _radix(radix, "string->number"))
    return False if number is None else number


def _number_to_string(number: Value, radix: Value = 10) -> Value:
    who = "number->string"
    return format_number(number_of(number, who), _radix(radix, who))


def _radix(value: Value, who: str) -> int:
    radix = integer_of(value, who)
    if radix not in _RADIXES:
        raise SchemeFault(f"{who}: the base must be 2, 8, 10 or 16, not {radix}")
    return radix


def _is_integer(value: Value) -> Value:
    return is_number(value) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _parity(name: str, wanted: int) -> Callable[[Value], Value]:
    return lambda value: integer_of(value, name) % 2 == wanted


PROCEDURES: Final[Mapping[str, Callable[..., Value]]] = {
    "+": add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "=": _compare("=", operator.eq),
    "<": _compare("<", operator.lt),
    ">": _compare(">", operator.gt),
    "<=": _compare("<=", operator.le),
    ">=": _compare(">=", operator.ge),
    "quotient": _whole("quotient", _truncated),
    "remainder": _whole("remainder", lambda a, b: a - b * _truncated(a, b)),
    "modulo": _whole("modulo", operator.mod),
    "gcd": lambda *values: math.gcd(*(integer_of(value, "gcd") for value in values)),
    "add1": lambda value: add(value, 1),
    "sub1": lambda value: add(value, -1),
    "abs": lambda value: abs(number_of(value, "abs")),
    "min": _extreme("min", operator.lt),
    "max": _extreme("max", operator.gt),
    "round": _rounding("round", round),
    "floor": _rounding("floor", math.floor),
    "ceiling": _rounding("ceiling", math.ceil),
    "truncate": _rounding("truncate", math.trunc),
    "exact->inexact": lambda value: float(number_of(value, "exact->inexact")),
    "inexact->exact": _exact,
    "expt": _power,
    "sqrt": _square_root,
    "exp": _real("exp", math.exp),
    "log": _real("log", lambda x: math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)),
    "sin": _real("sin", math.sin),
    "cos": _real("cos", math.cos),
    "any->number": to_number,
    "string->number": _string_to_number,
    "number->string": _number_to_string,
    "number?": is_number,
    "real?": is_number,
    "integer?": _is_integer,
    "exact?": lambda value: isinstance(number_of(value, "exact?"), int),
    "inexact?": lambda value: isinstance(number_of(value, "inexact?"), float),
    "zero?": lambda value: number_of(value, "zero?") == 0,
    "positive?": lambda value: number_of(value, "positive?") > 0,
    "negative?": lambda value: number_of(value, "negative?") < 0,
    "odd?": _parity("odd?", 1),
    "even?": _parity("even?", 0),
}
