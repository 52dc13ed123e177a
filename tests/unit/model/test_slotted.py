"""Records made by `megatest.model.slotted` behave as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatest.model import slotted

T = TypeVar("T")


def _point(decorator: Any, field: Any) -> Any:
    class Point:
        """Two fields of every kind of default."""

        x: int
        y: int = 2
        tags: list[str] = field(default_factory=list)
        hidden: str = field(default="h", repr=False)

        def total(self) -> int:
            return self.x + self.y

    return decorator(frozen=True, slots=True, kw_only=True)(Point)


Ours = _point(slotted.slotted, slotted.slotted_field)
Standard = _point(dataclasses.dataclass, dataclasses.field)


@slotted.dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: int = 0


@slotted.dataclass(slots=True)
class Counter:
    count: int = 0


@slotted.dataclass(frozen=True, slots=True)
class Box(Generic[T]):
    content: T


@given(st.integers(), st.integers(), st.lists(st.text(max_size=3), max_size=3))
def test_a_record_reads_and_shows_as_the_standard_one_does(x: int, y: int, tags: list[str]) -> None:
    ours, standard = Ours(x=x, y=y, tags=tags), Standard(x=x, y=y, tags=tags)
    assert repr(ours) == repr(standard)
    assert dataclasses.asdict(ours) == dataclasses.asdict(standard)
    assert ours.total() == standard.total()


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_records_are_equal_when_their_values_are_and_then_hash_alike(a: int, b: int, c: int, d: int) -> None:
    one, other = Pair(a, b), Pair(c, d)
    assert (one == other) is ((a, b) == (c, d))
    if one == other:
        assert hash(one) == hash(other)


def test_records_of_two_classes_are_never_equal() -> None:
    assert Pair(1) != Counter(1)  # type: ignore[comparison-overlap]
    assert Ours(x=1) != Standard(x=1)


def test_a_frozen_record_cannot_be_changed() -> None:
    pair = Pair(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pair.left = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del pair.left
    with pytest.raises(AttributeError):
        pair.middle = 2  # type: ignore[attr-defined]


def test_a_record_has_no_dictionary_and_is_of_its_own_class() -> None:
    assert not hasattr(Pair(1), "__dict__")
    assert type(Pair(1)) is Pair
    assert isinstance(Pair(1), Pair)


def test_a_mutable_record_changes_and_does_not_hash() -> None:
    counter = Counter()
    counter.count += 1
    assert counter == Counter(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(counter)


def test_each_record_gets_a_list_of_its_own() -> None:
    assert Ours(x=1).tags is not Ours(x=1).tags


@pytest.mark.parametrize("call", [Ours, lambda: Ours(1), lambda: Ours(x=1, z=1), Pair])
def test_arguments_that_do_not_fit_are_refused(call: Any) -> None:
    with pytest.raises(TypeError):
        call()


def test_a_refused_first_record_does_not_spoil_the_next() -> None:
    fresh = _point(slotted.slotted, slotted.slotted_field)
    with pytest.raises(TypeError):
        fresh()
    assert fresh(x=1).y == 2


@pytest.mark.parametrize("frozen", [True, False])
def test_the_hundredth_record_of_a_class_is_like_its_first(frozen: bool) -> None:
    class Late:
        x: int
        y: int = 2
        tags: list[str] = slotted.field(default_factory=list)

    made: Any = slotted.slotted(frozen=frozen, slots=True)(Late)
    records = [made(7, tags=["a"]) if n % 2 else made(x=7, tags=["a"]) for n in range(100)]
    assert all(record == records[0] for record in records)
    assert {type(record) for record in records} == {made}
    assert records[-1].tags == ["a"]
    assert made(1).tags is not made(1).tags
    for args, named in (((), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((1, 2, [], 4), {})):
        with pytest.raises(TypeError):
            made(*args, **named)


@pytest.mark.parametrize("wrong", [((), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((1, 2, [], 4), {})])
def test_arguments_of_a_first_record_are_held_against_its_fields(wrong: Any) -> None:
    class Early:
        x: int
        y: int = 2
        tags: list[str] = slotted.field(default_factory=list)

    made: Any = slotted.slotted(frozen=True, slots=True)(Early)
    with pytest.raises(TypeError, match="__new__"):
        made(*wrong[0], **wrong[1])


def test_other_values_for_some_fields_make_another_record() -> None:
    for replace in (slotted.replace, dataclasses.replace):
        pair = Pair(1, 2)
        assert replace(pair, right=3) == Pair(1, 3)
        assert pair == Pair(1, 2)


def test_the_standard_library_knows_the_fields() -> None:
    assert dataclasses.is_dataclass(Pair)
    assert [f.name for f in dataclasses.fields(Pair)] == ["left", "right"]
    assert [f.default for f in dataclasses.fields(Pair)] == [dataclasses.MISSING, 0]
    assert slotted.field_names(Pair) == ("left", "right")


def test_a_record_is_copied_and_pickled() -> None:
    assert copy.deepcopy(Pair(1, 2)) == Pair(1, 2)
    assert pickle.loads(pickle.dumps(Pair(1, 2))) == Pair(1, 2)


def test_a_positional_record_matches_by_position() -> None:
    match Pair(1, 2):
        case Pair(left, right):
            assert (left, right) == (1, 2)


def test_a_generic_record_takes_its_parameter() -> None:
    assert Box[int](3) == Box(3)


def test_what_is_more_than_a_record_is_refused() -> None:
    class Checked:
        x: int

        def __post_init__(self) -> None: ...

    class Derived(Pair):
        z: int

    for more in (Checked, Derived):
        with pytest.raises(TypeError, match="more than a record"):
            slotted.slotted(frozen=True, slots=True)(more)
    with pytest.raises(TypeError, match="has slots"):
        slotted.slotted(frozen=True, slots=False)
