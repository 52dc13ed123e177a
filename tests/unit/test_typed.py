"""What stands in for `typing` at run time behaves as that does, as far as it goes."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatest import typed


class Ours(typed.NamedTuple):
    """Two fields that must be given, and two that need not."""

    number: int
    text: str
    kind: str = "k"
    rest: tuple[int, ...] = ()

    def both(self) -> str:
        return f"{self.number}{self.text}"


class Standard(typing.NamedTuple):
    number: int
    text: str
    kind: str = "k"
    rest: tuple[int, ...] = ()

    def both(self) -> str:
        return f"{self.number}{self.text}"


VALUES = st.integers() | st.text(max_size=3)
NAMES = ("number", "text", "kind", "rest", "other")


def made(kind: Any, args: list[Any], named: dict[str, Any]) -> Any:
    """Return what arguments make, as a plain tuple; TypeError if they do not fit."""
    try:
        return tuple(kind(*args, **named))
    except TypeError:
        return TypeError


@settings(deadline=None)
@given(st.lists(VALUES, max_size=5), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4))
def test_a_tuple_takes_the_arguments_that_the_standard_one_takes(
    args: list[Any], named: dict[str, Any]
) -> None:
    assert made(Ours, args, named) == made(Standard, args, named)


def test_a_tuple_shows_compares_and_takes_apart_as_the_standard_one_does() -> None:
    ours: Any = Ours(1, "a")
    standard: Any = Standard(1, "a")
    assert repr(ours) == repr(standard).replace("Standard", "Ours")
    assert ours == standard == (1, "a", "k", ())
    assert hash(ours) == hash(standard)
    assert (ours.number, ours.text, ours.kind, ours.rest) == ours
    assert ours.both() == "1a"
    assert ours._asdict() == standard._asdict()
    assert Ours._fields == Standard._fields
    assert Ours._field_defaults == Standard._field_defaults
    match ours:
        case Ours(number, text):
            assert (number, text) == (1, "a")


def test_other_values_make_another_tuple() -> None:
    ours: Any = Ours(1, "a")
    assert ours._replace(text="b", rest=(2,)) == (1, "b", "k", (2,))
    assert type(ours._replace(text="b")) is Ours
    assert tuple(Ours._make([1, 2, 3, 4])) == (1, 2, 3, 4)
    with pytest.raises(ValueError, match="no field other"):
        ours._replace(other=1)
    with pytest.raises(TypeError, match="4 fields, not 1"):
        Ours._make([1])


def test_a_tuple_cannot_be_changed_and_has_no_dictionary() -> None:
    ours: Any = Ours(1, "a")
    with pytest.raises(AttributeError):
        ours.number = 2
    assert not hasattr(ours, "__dict__")


def test_a_tuple_is_copied_and_pickled() -> None:
    assert copy.deepcopy(Ours(1, "a")) == Ours(1, "a")
    assert type(pickle.loads(pickle.dumps(Ours(1, "a")))) is Ours


def test_a_field_without_a_default_behind_one_with_is_refused() -> None:
    with pytest.raises(TypeError, match="without a default"):
        exec("class Wrong(typed.NamedTuple):\n a: int = 1\n b: int", {"typed": typed})


def test_it_loads_nothing_of_the_standard_library_that_costs_time() -> None:
    code = "import sys, megatest.typed; print({'typing', 're', 'enum', 'contextlib'} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "set()"
