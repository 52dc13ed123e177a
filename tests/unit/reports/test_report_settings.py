"""Values of configuration files as they are printed."""

from __future__ import annotations

import json
from pathlib import Path

from megatest.app.inspect import tables_of
from megatest.config.line import BLANKS
from megatest.config.reader import read
from megatest.config.request import Request
from megatest.config.source import ParseCache
from megatest.reports.settings import Shown, Tables, render
from megatest.reports.sexpr import sexpr

TABLES: Tables = {
    "setup": (
        Shown(section="setup", key="linktree", value="/lt", place="m.config:3:10", how="#{...}"),
        Shown(section="setup", key="empty", value="", place="m.config:4:1", how="literal"),
    ),
    "rules": (Shown(section="rules", key="r", value='one\n  "two"', place="m.config:7:3", how="literal"),),
    "none": (),
}


def test_text_is_for_people() -> None:
    assert render(TABLES, "text").splitlines() == [
        "[setup]",
        "linktree  /lt",
        "empty",
        "",
        "[rules]",
        'r  one   "two"',
        "",
        "[none]",
    ]


def test_origins_say_where_a_value_comes_from_and_what_made_it() -> None:
    lines = render(TABLES, "text", origins=True).splitlines()
    assert lines[1] == "linktree  /lt  m.config:3:10 (#{...})"
    assert lines[5] == 'r  one   "two"  m.config:7:3'
    data = json.loads(render(TABLES, "json", origins=True))
    assert data["setup"]["linktree"] == {"value": "/lt", "place": "m.config:3:10", "how": "#{...}"}


def test_json_maps_sections_to_keys_to_values() -> None:
    assert json.loads(render(TABLES, "json"))["rules"] == {"r": 'one\n  "two"'}


def test_ini_continues_values_of_several_lines() -> None:
    text = render(TABLES, "ini")
    assert text == '[setup]\nlinktree /lt\nempty\n\n[rules]\nr one\n    "two"\n\n[none]'
    assert text.splitlines()[-3].startswith(tuple(BLANKS))


def test_ini_reads_back_to_the_same_values(tmp_path: Path) -> None:
    (tmp_path / "f").write_text('[a]\nx 1\nbare\ny one\n  "two"\nz #{getenv HOME}\n[b]\nw [system echo 3]\n')
    env = {"PATH": "/usr/bin:/bin", "HOME": "/h"}

    def values(name: str) -> dict[str, dict[str, str]]:
        request = Request(cwd=str(tmp_path), home=str(tmp_path), env=env, cache=ParseCache())
        tables = tables_of(read(str(tmp_path / name), request))
        (tmp_path / "again").write_text(render(tables, "ini"))
        return {section: {v.key: v.value for v in shown} for section, shown in tables.items()}

    first = values("f")
    assert first == {"a": {"x": "1", "bare": "", "y": 'one\n"two"', "z": "/h"}, "b": {"w": "3"}}
    assert values("again") == first


def test_s_expressions_quote_what_scheme_would_not_read() -> None:
    assert render(TABLES, "sexp").splitlines()[1] == ' ("rules" ("r" "one\\n  \\"two\\""))'
    assert sexpr(["a", 1, 2.5, [], "\\"]) == '("a" 1 2.5 () "\\\\")'
