"""The recorded behaviour of the original's reader, case by case."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from megatest.config.entry import Document
from megatest.config.reader import open_reading
from megatest.config.request import Commands, Request
from megatest.config.source import ParseCache
from megatest.config.units import format_duration, parse_seconds
from megatest.model.ids import Target

ORACLE = Path(__file__).parents[2] / "oracle"
FUNCTIONS = json.loads((ORACLE / "functions.json").read_text())
RULED = json.loads((ORACLE / "config_ruled.json").read_text())
DASH = os.path.realpath("/bin/sh").endswith("dash")

Case = dict[str, Any]


def _variants(case: Case) -> list[tuple[str, Case]]:
    return [("main", case), *case.get("variants", {}).items()]


CASES = [
    pytest.param(case, variant, expected, id=f"{case['name']}-{variant}")
    for case in FUNCTIONS["config"]
    for variant, expected in _variants(case)
]


def _write(area: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = area / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        if name.endswith(".sh"):
            path.chmod(0o755)


def _tree(area: Path) -> set[str]:
    return {str(path.relative_to(area)) for path in area.rglob("*")}


def _request(area: Path, env: dict[str, str], **more: Any) -> Request:
    return Request(cwd=str(area), home=str(area), env=env, cache=ParseCache(), **more)


def _read_case(area: Path, case: Case, variant: str, env: dict[str, str]) -> Document:
    target = Target(tuple(case["target"].split("/"))) if case["target"] else None
    if target is not None:
        env["MT_TARGET"] = str(target)
    if case["kind"] == "megatest":
        request = _request(area, env, target=target, echoed="env-override")
        return open_reading(str(area / "megatest.config"), request).document()
    if case["kind"] == "runconfigs":
        return _read_runconfigs(area, target, variant, env)
    commands = {"main": Commands.DEFER, "launch": Commands.RUN, "meta": Commands.FORBID}[variant]
    request = _request(area, env, commands=commands, echoed="pre-launch-env-vars")
    reading = open_reading(str(area / "tests/t1/testconfig"), request)
    for section in reading.document().sections:
        reading.settle(section)
    return reading.document()


def _read_runconfigs(area: Path, target: Target | None, variant: str, env: dict[str, str]) -> Document:
    if (area / "megatest.config").exists():
        first = open_reading(
            str(area / "megatest.config"), _request(area, env, target=target, echoed="env-override")
        ).document()
        if target is not None:
            values = dict(zip(first.sections["fields"], target.values, strict=False))
            env.update({name: values.get(name, "") for name in first.sections["fields"]})
    section = str(target) if target is not None and len(target.values) == 2 else ""
    request = _request(
        area,
        env,
        target=target,
        target_section=section,
        restricted=bool(section),
        echoed=f"(default|{re.escape(str(target))})" if variant == "in-test" else "",
    )
    return open_reading(str(area / "runconfigs.config"), request).document()


def _observed(area: Path, case: Case, variant: str) -> Case:
    _write(area, case["files"])
    before_files = _tree(area)
    env = {**FUNCTIONS["meta"]["environment"], **case["env"]}
    before = {**env, **({"MT_TARGET": case["target"]} if case["target"] else {})}
    document = _read_case(area, case, variant, env)
    result = {
        section: [[entry.key, entry.value] for entry in entries.values()]
        for section, entries in document.sections.items()
    }
    exported = {name: env.get(name) for name in {*env, *before} if env.get(name) != before.get(name)}
    seen = {"result": result, "exported": exported, "created": sorted(_tree(area) - before_files)}
    return json.loads(json.dumps(seen).replace(str(area), "$AREA"))  # type: ignore[no-any-return]


@pytest.mark.parametrize(("case", "variant", "expected"), CASES)
def test_reading_gives_what_was_recorded_or_what_a_ruling_says(
    tmp_path: Path, case: Case, variant: str, expected: Case
) -> None:
    recorded = {
        "result": expected["result"],
        "exported": expected.get("exported", {}),
        "created": sorted(expected.get("created", [])),
    }
    ruled = RULED.get(case["name"] if variant == "main" else f"{case['name']}-{variant}")
    if ruled is not None:
        wanted = {
            **recorded,
            **{key: ruled[key] for key in ("result", "exported", "created") if key in ruled},
        }
        assert wanted != recorded, "a case that comes out as recorded needs no ruling"
        recorded = wanted
    assert _observed(tmp_path, case, variant) == recorded


def test_every_ruled_case_exists_and_is_not_a_plain_one() -> None:
    names = {f"{case['name']}-{variant}" for case in FUNCTIONS["config"] for variant, _ in _variants(case)}
    for name in RULED:
        assert name in names or f"{name}-main" in names
        case = next(c for c in FUNCTIONS["config"] if name.startswith(c["name"]))
        assert {"ruled", "decide", "version_dependent"} & case.keys()


@pytest.mark.parametrize("case", FUNCTIONS["time"], ids=lambda case: case["name"])
def test_times_are_read_as_recorded(case: Case) -> None:
    assert parse_seconds(case["text"]) == case["seconds"]


@pytest.mark.parametrize("case", FUNCTIONS["duration"], ids=lambda case: case["name"])
def test_durations_are_written_as_recorded(case: Case) -> None:
    assert format_duration(case["seconds"]) == case["text"]
