"""Values and their stories as text, JSON, INI and s-expressions."""

from __future__ import annotations

import json
from pathlib import Path

from megatest.config.dump import show, story, value
from megatest.config.entry import Sections
from megatest.config.reader import read
from megatest.config.request import Request
from megatest.config.source import ParseCache


def _sections(tmp_path: Path) -> Sections:
    (tmp_path / "b").write_text('y one\n  "two"\nz #{getenv HOME}\n')
    (tmp_path / "f").write_text("[a]\nx 1\nbare\n[include b]\n[a%]\nw [system echo 3]\n")
    env = {"PATH": "/usr/bin:/bin", "HOME": "/h"}
    request = Request(cwd=str(tmp_path), home=str(tmp_path), env=env, cache=ParseCache())
    return read(str(tmp_path / "f"), request).sections


def test_text_is_the_language_itself(tmp_path: Path) -> None:
    text = show(_sections(tmp_path), "text")
    assert text == '[a]\nx 1\nbare\ny one\n  "two"\nz /h\nw 3\n'
    (tmp_path / "again").write_text(text)
    request = Request(cwd="/", home="/", env={}, cache=ParseCache())
    assert show(read(str(tmp_path / "again"), request).sections, "text") == text


def test_origins_are_comments(tmp_path: Path) -> None:
    text = show(_sections(tmp_path), "text", origins=True)
    assert f"# {tmp_path}/f:2:3\nx 1\n" in text
    assert f"# {tmp_path}/b:3:3, by #{{...}}, included from {tmp_path}/f:4:1\nz /h\n" in text


def test_json_has_values_or_whole_stories(tmp_path: Path) -> None:
    sections = _sections(tmp_path)
    plain = json.loads(show(sections, "json"))
    assert plain == {"a": {"x": "1", "bare": "", "y": 'one\n"two"', "z": "/h", "w": "3"}}
    full = json.loads(show(sections, "json", origins=True))
    assert full["a"]["w"] == {
        "value": "3",
        "file": f"{tmp_path}/f",
        "line": 6,
        "column": 11,
        "how": "[system]",
        "script": False,
        "wildcard": "a%",
        "included_from": [],
    }


def test_ini_and_s_expressions(tmp_path: Path) -> None:
    sections = _sections(tmp_path)
    assert show(sections, "ini") == '[a]\nx=1\nbare\ny=one\n\t"two"\nz=/h\nw=3\n'
    assert show(sections, "sexp") == (
        '(\n ("a"\n  ("x" "1")\n  ("bare" "")\n  ("y" "one\\n\\"two\\"")\n  ("z" "/h")\n  ("w" "3"))\n)\n'
    )


def test_one_value_and_its_story(tmp_path: Path) -> None:
    sections = _sections(tmp_path)
    assert value(sections, "a", "x") == "1"
    assert value(sections, "a", "none") is None
    assert value(sections, "none", "x") is None
    assert value(sections, "a", "w", origins=True) == f"{tmp_path}/f:6:11, by [system], through [a%]\n3"
    assert story(sections["a"]["x"]) == f"{tmp_path}/f:2:3"


def test_a_value_that_a_script_printed_says_so(tmp_path: Path) -> None:
    (tmp_path / "gen.sh").write_text("#!/bin/sh\necho x 1\n")
    (tmp_path / "gen.sh").chmod(0o755)
    (tmp_path / "f").write_text("[scriptinc ./gen.sh a]\n")
    env = {"PATH": "/usr/bin:/bin"}
    request = Request(cwd=str(tmp_path), home=str(tmp_path), env=env, cache=ParseCache())
    entry = read(str(tmp_path / "f"), request).sections["default"]["x"]
    assert story(entry) == f"output of ./gen.sh a:1:3, printed by a script, included from {tmp_path}/f:1:1"


def test_nothing_is_shown_as_nothing() -> None:
    assert show({}, "text") == "\n"
    assert json.loads(show({}, "json")) == {}
