"""The recorded behaviour of the original: patterns, items, maps, propagation, roll-up.

Where a ruling says otherwise, ``plan_ruled.json`` names the case, the ruling and what ours gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from megatest.model.error import UserError
from megatest.model.pattern import parse_pattern
from megatest.model.rollup import roll_up
from megatest.model.spec import ItemMap, ItemVariable
from megatest.plan.itemmap import ItemMaps, compile_itemmaps
from megatest.plan.items import expand_items
from megatest.plan.needs import needed_of

ORACLE = Path(__file__).parents[2] / "oracle"
FUNCTIONS = json.loads((ORACLE / "functions.json").read_text())
RULED = json.loads((ORACLE / "plan_ruled.json").read_text())
ERROR = "error"


def match_of(case: dict[str, Any]) -> object:
    pattern = parse_pattern(case["pattern"])
    if case["item"] is None:
        return pattern.matches_name(case["test"])
    return pattern.matches(case["test"], case["item"])


def items_of(case: dict[str, Any]) -> object:
    sections = {
        name: [ItemVariable(name=key, values=tuple(value.split())) for key, value in lines]
        for name, *lines in case["sections"]
    }
    items = expand_items("t", sections.get("items"), sections.get("itemstable"))
    return {
        "paths": [item.path for item in items],
        "items": [[[variable.name, variable.value] for variable in item.variables] for item in items],
    }


def maps_of(lines: list[list[str]]) -> ItemMaps:
    return compile_itemmaps(
        ItemMap(
            upstream=upstream,
            lines=tuple((words[0], words[1] if len(words) > 1 else "") for words in split(text)),
        )
        for upstream, text in lines
    )


def split(text: str) -> list[list[str]]:
    return [words for words in (line.split() for line in text.splitlines()) if words]


def mapped_of(case: dict[str, Any]) -> object:
    lines = list(case["itemmap_section"])
    if case["requirements_itemmap"] is not None:
        lines.insert(0, ["%", case["requirements_itemmap"]])
    return maps_of(lines).for_upstream(case["upstream"])(case["path"])


def same_item_of(case: dict[str, Any]) -> object:
    mapped = maps_of(case["itemmaps"]).for_upstream("up")(case["own_path"])
    return bool(mapped == case["upstream_path"])


def extended_of(case: dict[str, Any]) -> object:
    """The elements given and those that the upstream test gets, with the top rows that L adds."""
    pattern = parse_pattern(case["patterns"])
    mine = dict.fromkeys(pattern.item_patterns_for(case["waiting"]))
    needed = needed_of(case["upstream"], mine, maps_of(case["itemmaps"]), case["itemwait"])
    elements = {str(element) for element in (*pattern.elements, *needed)}
    tops = {element.partition("/")[0] + "/" for element in elements if "/" in element}
    return sorted(elements | {top for top in tops if "%" not in top})


def top_of(case: dict[str, Any]) -> object:
    before = case.get("written_before", [None, None])
    written = [new if new is not None else old for new, old in zip(case["written"], before, strict=True)]
    top = roll_up((state, status) for state, status in [*case["others"], written])
    return None if top is None else list(top)


OURS: dict[str, Callable[[dict[str, Any]], object]] = {
    "match": match_of,
    "items": items_of,
    "itemmap": mapped_of,
    "itemmap_wait": same_item_of,
    "extend": extended_of,
    "rollup": top_of,
}


def recorded(group: str, case: dict[str, Any]) -> object:
    if group == "items":
        return {"paths": case["paths"], "items": case["items"]}
    value = case[
        {"itemmap": "mapped", "itemmap_wait": "same_item", "extend": "result", "rollup": "top"}.get(
            group, group
        )
    ]
    if isinstance(value, dict):
        return ERROR
    return sorted(value.split(",")) if group == "extend" else value


def ours(group: str, case: dict[str, Any]) -> object:
    try:
        return OURS[group](case)
    except UserError:
        return ERROR


CASES = [(group, case) for group in OURS for case in FUNCTIONS[group]]


@pytest.mark.parametrize(("group", "case"), CASES, ids=[f"{g}-{c['name']}" for g, c in CASES])
def test_a_recorded_case_comes_out_as_recorded_or_as_ruled(group: str, case: dict[str, Any]) -> None:
    ruled = RULED[group].get(case["name"])
    expected = recorded(group, case) if ruled is None else ruled["ours"]
    assert ours(group, case) == expected


def test_every_ruled_case_exists_and_differs_from_the_recording_or_is_marked() -> None:
    cases = {(group, case["name"]): case for group, case in CASES}
    for group, names in RULED.items():
        for name, ruled in names.items():
            case = cases[group, name]
            marked = any(key.startswith(("rule", "decide", "version")) for key in case)
            assert marked or ruled["ours"] != recorded(group, case), name
            assert ruled["reason"]


def test_the_reading_of_ruling_15_that_came_with_the_recordings_is_ours() -> None:
    for case in FUNCTIONS["match"]:
        if "rule15" in case:
            assert match_of(case) is case["rule15"], case["name"]
