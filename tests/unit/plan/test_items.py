from __future__ import annotations

import pytest

from megatest.model.error import UserError
from megatest.model.spec import ItemVariable
from megatest.plan.items import NO_ITEM, expand_items


def variables(**values: str) -> list[ItemVariable]:
    return [ItemVariable(name=name, values=tuple(text.split())) for name, text in values.items()]


def paths(items: list[ItemVariable] | None, table: list[ItemVariable] | None = None) -> list[str]:
    return [item.path for item in expand_items("t", items, table)]


def test_a_test_without_items_has_one_row_without_a_path() -> None:
    assert expand_items("t", None, None) == (NO_ITEM,)
    assert expand_items("t", [], []) == (NO_ITEM,)
    assert expand_items("t", [], None) == (NO_ITEM,)


def test_the_first_variable_of_a_product_changes_slowest() -> None:
    assert paths(variables(A="1 2", B="x y")) == ["1/x", "1/y", "2/x", "2/y"]


def test_a_table_is_zipped_and_padded() -> None:
    assert paths(None, variables(A="1", B="x y")) == ["1/x", "-/y"]


def test_product_and_table_are_concatenated_and_duplicates_collapse() -> None:
    assert paths(variables(A="1 2 1"), variables(B="3 2")) == ["1", "2", "3"]


def test_a_variable_without_values_empties_the_product_only() -> None:
    assert paths(variables(A="1", B="")) == []
    assert paths(variables(A=""), variables(B="1 2")) == ["1", "2"]


@pytest.mark.parametrize("value", ["..", ".", "a//b", "-x", "a/../b", "a\x01b", "x" * 256])
def test_a_value_that_cannot_be_a_directory_is_refused_by_name(value: str) -> None:
    with pytest.raises(UserError) as caught:
        expand_items("cells", [ItemVariable(name="A", values=("ok", value))], None)
    assert "'cells'" in caught.value.message


@pytest.mark.parametrize("values", ["a a/b", "a/b a", "x/y/z x"])
def test_an_item_inside_another_is_refused(values: str) -> None:
    with pytest.raises(UserError) as caught:
        paths(variables(A=values))
    assert "lies inside item" in caught.value.message


def test_items_that_only_begin_alike_are_no_trouble() -> None:
    assert paths(variables(A="a ab/c a-b")) == ["a", "ab/c", "a-b"]


def test_many_deep_items_are_checked_quickly() -> None:
    values = tuple(f"{'d/' * 50}{number}" for number in range(5_000))
    assert len(expand_items("t", [ItemVariable(name="A", values=values)], None)) == 5_000
