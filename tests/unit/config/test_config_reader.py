"""Reading files: includes, scripts, permissions, environment, findings, stories of values."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path
from typing import Any

import pytest

from megatest.config import reader
from megatest.config.entry import Document, How
from megatest.config.reader import open_reading, read
from megatest.config.request import Commands, Request
from megatest.config.source import ParseCache
from megatest.model.error import Location, Severity
from megatest.model.ids import Target

ENV = {"PATH": "/usr/bin:/bin", "HOME": "/home/me"}


def _request(area: Path, env: dict[str, str] | None = None, **more: Any) -> Request:
    return Request(
        cwd=str(area), home=str(area), env=dict(ENV) if env is None else env, cache=ParseCache(), **more
    )


def _read(area: Path, text: str, env: dict[str, str] | None = None, **more: Any) -> Document:
    (area / "f").write_text(text)
    return read(str(area / "f"), _request(area, env, **more))


def _values(document: Document) -> dict[str, dict[str, str]]:
    return {
        name: {entry.key: entry.value for entry in entries.values()}
        for name, entries in document.sections.items()
    }


def _said(document: Document) -> list[str]:
    return [f"{f.location.line if f.location else 0} {f.severity}: {f.message}" for f in document.findings]


def test_a_missing_file_is_the_callers_business(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(str(tmp_path / "none"), _request(tmp_path))


def test_a_reading_is_gone_as_soon_as_nobody_holds_it(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("[a]\nx 1\n")
    reading = open_reading(str(tmp_path / "f"), _request(tmp_path))
    seen, document = weakref.ref(reading), reading.document()
    gc.disable()
    try:
        del reading
        assert seen() is None
    finally:
        gc.enable()
    assert _values(document) == {"a": {"x": "1"}}


def test_an_unreadable_file_is_a_finding(tmp_path: Path) -> None:
    document = read(str(tmp_path), _request(tmp_path))
    (finding,) = document.findings
    assert finding.severity is Severity.ERROR
    assert finding.render().endswith("cannot be read: it is a directory")  # and no blank line with a caret
    assert document.sections == {}


def test_a_file_that_includes_itself_is_found_and_reading_goes_on(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("[b]\ny 1\n[include f]\nz 2\n")
    document = _read(tmp_path, "[a]\nx 1\n[include b]\nw 3\n")
    assert _values(document) == {"a": {"x": "1", "w": "3"}, "b": {"y": "1", "z": "2"}}
    (finding,) = document.findings
    assert "includes itself" in finding.message
    assert finding.location == Location(file=str(tmp_path / "b"), line=3, column=10)
    assert finding.notes == (f"included from {tmp_path / 'f'}:3:1",)


def test_a_ring_through_a_link_is_found_too(tmp_path: Path) -> None:
    os.symlink("f", tmp_path / "other-name")
    document = _read(tmp_path, "x 1\n[include other-name]\n")
    assert [finding.severity for finding in document.findings] == [Severity.ERROR]


def test_includes_may_be_deeper_than_any_stack(tmp_path: Path) -> None:
    depth = 2000
    for number in range(depth):
        (tmp_path / f"i{number}").write_text(f"[include i{number + 1}]\nk{number} v\n")
    (tmp_path / f"i{depth}").write_text("last 1\n  odd\n\n  lost\n")
    document = read(str(tmp_path / "i0"), _request(tmp_path))
    assert len(document.sections["default"]) == depth + 1
    (finding,) = document.findings
    assert finding.notes[0] == f"included from {tmp_path / f'i{depth - 1}'}:1:1"
    assert len(finding.notes) < 20


def test_includes_that_double_at_each_level_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_SOURCES", 100)
    for number in range(40):
        (tmp_path / f"i{number}").write_text(f"[include i{number + 1}]\n[include i{number + 1}]\n")
    (tmp_path / "i40").write_text("")
    document = read(str(tmp_path / "i0"), _request(tmp_path))
    assert len(document.files) == 100
    assert "without end" in document.findings[0].message


def test_a_missing_include_warns_if_it_is_named_and_notes_if_it_is_put_together(tmp_path: Path) -> None:
    document = _read(tmp_path, "[items]\n[include none]\n[include #{getenv HOME}/none]\n")
    assert [finding.severity for finding in document.findings] == [Severity.WARNING, Severity.NOTE]
    assert document.missing == {"items"}


def test_what_is_no_file_is_not_included(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    document = _read(tmp_path, "[include pipe]\n[include ]\nx 1\n")
    assert _values(document) == {"default": {"x": "1"}}
    assert [finding.severity for finding in document.findings] == [Severity.WARNING] * 2


def test_a_setting_made_in_an_include_goes_on_in_the_includer(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("[configf:settings trim-trailing-spaces yes]\n")
    document = _read(tmp_path, "x 1 \n[include b]\ny 2 \n[configf:settings trim-trailing-spaces no]\nz 3 \n")
    assert _values(document) == {"default": {"x": "1 ", "y": "2", "z": "3 "}}


def test_a_relative_include_in_a_scripts_output_is_relative_to_where_it_runs(tmp_path: Path) -> None:
    _script(tmp_path / "gen.sh", "echo '[include more]'")
    (tmp_path / "more").write_text("m 1\n")
    document = _read(tmp_path, "[a]\n[scriptinc ./gen.sh]\n")
    entry = document.sections["a"]["m"]
    assert entry.volatile
    assert list(entry.origin.chain()) == [
        Location(file="output of ./gen.sh", line=1),
        Location(file=str(tmp_path / "f"), line=2),
    ]


def test_scripts_that_print_themselves_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_SCRIPTS", 3)
    _script(tmp_path / "gen.sh", "echo 'x 1'; echo '[scriptinc ./gen.sh]'")
    document = _read(tmp_path, "[scriptinc ./gen.sh]\n")
    assert "without end" in document.findings[-1].message


def test_a_script_sees_the_values_of_default_and_of_its_section(tmp_path: Path) -> None:
    _script(tmp_path / "gen.sh", 'echo "out $A-$B-$C"')
    document = _read(tmp_path, "A 1\n[c]\nC 3\n[b]\nB 2\n[scriptinc ./gen.sh]\n")
    assert _values(document)["b"]["out"] == "1-2-"


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_a_script_that_is_missing_or_fails_is_a_warning(tmp_path: Path) -> None:
    _script(tmp_path / "bad.sh", "echo x 1; exit 3")
    document = _read(tmp_path, "[a]\n[scriptinc ./none.sh]\n[scriptinc ./bad.sh]\n")
    assert _values(document) == {"a": {"x": "1"}}
    assert [finding.severity for finding in document.findings] == [Severity.WARNING] * 2
    assert "exit status 3" in document.findings[1].message


def test_no_command_runs_where_commands_are_forbidden(tmp_path: Path) -> None:
    _script(tmp_path / "gen.sh", "touch ran")
    text = "a [system touch ran]\nb #{shell touch ran}\n[scriptinc ./gen.sh]\nc 1\n"
    document = _read(tmp_path, text, commands=Commands.FORBID)
    assert _values(document) == {"default": {"b": "#{(shell) touch ran}", "c": "1"}}
    assert not (tmp_path / "ran").exists()
    assert not document.opaque


def test_commands_run_only_in_sections_that_are_kept(tmp_path: Path) -> None:
    text = (
        "[u/v]\nA #{shell touch good}\n"
        "[u/w]\nB #{shell touch bad}\nC [system touch bad]\n"
        "[u/v]\nD #{sh echo 1}\n"
    )
    document = _read(tmp_path, text, restricted=True, target_section="u/v")
    assert _values(document) == {"u/v": {"A": " ", "D": "1"}}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f", "good"]
    assert document.headers == ("u/v", "u/w")


def test_an_include_drops_the_sections_that_are_not_wanted_when_it_ends(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("m 1\n")
    text = "[w]\nx 1\n[default]\n[include b]\ny =#{get w x}=\n"
    document = _read(tmp_path, text, restricted=True, target_section="t")
    assert _values(document) == {"t": {}, "default": {"m": "1", "y": "=="}}


def test_a_wildcard_section_acts_when_an_include_ends_inside_it_and_opens_again(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("v 2\n")
    document = _read(tmp_path, "[a1]\nv 1\n[a%]\n[include b]\nw 3\n")
    assert _values(document) == {"a1": {"v": "2", "w": "3"}}
    assert document.sections["a1"]["w"].wildcard == "a%"


def test_a_value_that_was_put_off_is_made_when_it_is_asked_for(tmp_path: Path) -> None:
    text = "[a]\nx [system echo 1; touch ran]\n"
    (tmp_path / "f").write_text(text)
    reading = open_reading(str(tmp_path / "f"), _request(tmp_path, commands=Commands.DEFER))
    document = reading.document()
    assert document.sections["a"]["x"].pending is not None
    assert document.variables("a") == ()
    assert not (tmp_path / "ran").exists()
    reading.settle("a")
    assert reading.document().sections["a"]["x"].value == "1"


def test_get_of_a_value_that_was_put_off_makes_it(tmp_path: Path) -> None:
    document = _read(tmp_path, "[a]\nx [system echo 1]\ny =#{get a x}=\n", commands=Commands.DEFER)
    assert _values(document) == {"a": {"x": "1", "y": "=1="}}
    assert document.sections["a"]["y"].volatile


def test_a_failing_system_value_keeps_what_was_printed(tmp_path: Path) -> None:
    document = _read(tmp_path, "x [system echo out; exit 3]\n")
    assert _values(document) == {"default": {"x": "out"}}
    assert document.findings[0].severity is Severity.WARNING
    assert document.findings[0].location == Location(file=str(tmp_path / "f"), line=1, column=11)


def test_a_command_leaves_nothing_of_its_sections_values_behind(tmp_path: Path) -> None:
    env = dict(ENV)
    _read(tmp_path, "K dd\n[a]\nK vv\nx [system echo $K]\n", env)
    assert env == ENV


def test_the_reading_says_what_it_did_to_the_environment(tmp_path: Path) -> None:
    env = {**ENV, "GONE": "1", "CHANGED": "1"}
    text = (
        '[a]\nNEW\n#{scheme (unsetenv "GONE")}\nCHANGED\n'
        '#{scheme (setenv "T" "x")}\n#{scheme (unsetenv "T")}\n'
    )
    document = _read(tmp_path, text, env)
    assert document.exported == {"NEW": "", "GONE": None, "CHANGED": ""}
    assert env == {**ENV, "NEW": "", "CHANGED": ""}


@pytest.mark.parametrize("line", ["a:b", "x=y", "\0"])
def test_names_that_no_environment_has_are_not_exported(tmp_path: Path, line: str) -> None:
    assert _read(tmp_path, line + "\n").exported == {}


def test_commands_with_a_nul_are_a_warning(tmp_path: Path) -> None:
    document = _read(tmp_path, "x #{shell echo \0}\ny [system echo \0]\nz\n")
    assert [finding.severity for finding in document.findings] == [Severity.WARNING] * 2


def test_fields_are_exported_when_their_section_is_left_but_not_at_the_end(tmp_path: Path) -> None:
    target = Target(("u", "v"))
    text = "[fields]\nsys TEXT\nrel TEXT\n"
    assert _read(tmp_path, text, target=target).exported == {}
    assert _read(tmp_path, text + "[a]\nx #{getenv rel}\n", target=target).sections["a"]["x"].value == "v"


def test_a_target_that_does_not_fit_the_fields_is_an_error(tmp_path: Path) -> None:
    document = _read(tmp_path, "[fields]\nsys TEXT\n[a]\n", target=Target(("u", "v")))
    assert [finding.severity for finding in document.findings] == [Severity.ERROR]


def test_echoed_sections_export_what_echo_prints(tmp_path: Path) -> None:
    env = dict(ENV)
    document = _read(
        tmp_path, "[my-env-override]\nA $HOME/x\nB ~/y  z\nC x > /dev/null\n", env, echoed="env-override"
    )
    assert {name: env[name] for name in "ABC"} == {"A": "/home/me/x", "B": "/home/me/y z", "C": ""}
    assert document.sections["my-env-override"]["A"].how is How.ECHO
    assert [finding.severity for finding in document.findings] == [Severity.WARNING]


def test_a_value_of_several_lines_is_one_line_to_echo(tmp_path: Path) -> None:
    text = "[a]\nm one\n  touch ran\n[env-override]\nX #{get a m} $HOME\nY #{get a m}\n"
    document = _read(tmp_path, text, echoed="env-override")
    assert _values(document)["env-override"] == {"X": "one touch ran /home/me", "Y": "one touch ran"}
    assert not (tmp_path / "ran").exists()


def test_a_trimmed_value_is_still_literal(tmp_path: Path) -> None:
    document = _read(tmp_path, "[configf:settings trim-trailing-spaces yes]\nx 1 \n")
    assert document.sections["default"]["x"].how is How.LITERAL


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x 1\n\n  lost\n", "3 warning: this line is ignored: it continues no value"),
        (" [a]\n", "1 warning: this line is ignored: it continues no value"),
        ("[sec\n", "1 warning: this is a key, not a section"),
        ("x 1\nx 2\n", "2 note: 'x' is set again; the value of line 1 is gone"),
        ("[configf:settings foo bar]\n", "1 warning: unknown setting 'foo'"),
        ("x #{getenv NO_SUCH}\n", "1 warning: variable 'NO_SUCH' is not set"),
        ("# #{getenv NO_SUCH}\n", "1 note: variable 'NO_SUCH' is not set"),
        ("x #{get a b}\n", "1 warning: no earlier line sets 'b' in section [a]"),
        ("x #{rget b}\n", "1 warning: neither the target nor [default] sets 'b'"),
        ("x 1\\", "1 warning: the last line ends in a backslash, and no line follows"),
        ("x #{scheme (no-such-thing)}\n", "1 error: no-such-thing is not defined"),
        ("# #{scheme (no-such-thing)}\n", "1 warning: no-such-thing is not defined"),
        (
            "x #{scheme (let ((s (make-string 600000))) (list s s))}\n",
            "1 error: the text of a value has more than 1000000 characters",
        ),
    ],
)
def test_odd_lines_are_found(tmp_path: Path, text: str, said: str) -> None:
    assert said in _said(_read(tmp_path, text))


def test_a_key_set_again_by_an_include_or_a_wildcard_is_no_finding(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("x 2\n")
    assert _read(tmp_path, "[a]\nx 1\n[include b]\n[%]\nx 3\n").findings == ()


def test_a_scheme_error_points_into_the_line(tmp_path: Path) -> None:
    (finding,) = _read(tmp_path, "key #{scheme (+ 1 (no-such-thing))}\n").findings
    assert finding.location is not None
    assert finding.source is not None
    assert finding.source[finding.location.column - 1 :].startswith("no-such-thing")


def test_scheme_has_the_procedures_that_areas_use(tmp_path: Path) -> None:
    text = """
a #{scheme (getenv "HOME")}
b #{scheme (create-directory "made/deep" #t)}
c #{scheme (if (file-exists? "made/deep") "yes" "no")}
d #{scheme (args:get-arg "-runname")} #{scheme (args:get-arg "-target")} #{scheme (args:get-arg "-nope")}
e #{scheme (system "exit 4")}
f #{scheme (shell "echo hi; echo ho")}
g #{scheme *toppath*}
h #{scheme (directory-exists? "f")}
i #{scheme (+ (any->number "2") (any->number 3))} #{scheme (any->number "x")}
j #{scheme (env:min-path "/a:/b" "/b:/c::/a")}
"""
    document = _read(tmp_path, text, target=Target(("u", "v")), runname="r1")
    values = _values(document)["default"]
    assert (values["a"], values["c"], values["d"]) == ("/home/me", "yes", "r1 u/v #f")
    assert (values["e"], values["f"], values["g"], values["h"]) == ("4", "hi ho", str(tmp_path), "#f")
    assert (values["i"], values["j"]) == ("5 #f", "/a:/b:/c")
    assert (tmp_path / "made/deep").is_dir()
    assert document.opaque


def test_a_scheme_procedure_that_fails_says_why(tmp_path: Path) -> None:
    document = _read(tmp_path, 'a #{scheme (create-directory "f/x")}\nb #{scheme (getenv 1)}\n')
    assert [finding.severity for finding in document.findings] == [Severity.ERROR] * 2


def test_every_value_knows_its_story(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("lit   one two\nexp x-#{getenv HOME}-y\nsys [system echo s]\n")
    document = _read(tmp_path, "[a]\n[include b]\n")
    lit, exp, sys = document.sections["a"].values()
    assert lit.location == Location(file=str(tmp_path / "b"), line=1, column=7)
    assert list(lit.origin.chain()) == [Location(file=str(tmp_path / "f"), line=2)]
    assert (lit.how, exp.how, sys.how) == (How.LITERAL, How.EXPANDED, How.SYSTEM)
    assert (lit.volatile, exp.volatile, sys.volatile) == (False, False, True)
    assert document.files == (str(tmp_path / "f"), str(tmp_path / "b"))
    assert document.asked == {"HOME": True}


def test_a_word_of_a_value_is_found_on_its_line(tmp_path: Path) -> None:
    document = _read(tmp_path, "waiton a ab\n  compil b\n\\\n")
    entry = document.sections["default"]["waiton"]
    line, offset = entry.find("compil")
    assert line.place("f", offset) == Location(file="f", line=2, column=3)
    line, offset = entry.find("ab")
    assert line.place("f", offset) == Location(file="f", line=1, column=10)


def test_a_key_that_was_expanded_has_the_place_of_its_line(tmp_path: Path) -> None:
    document = _read(tmp_path, "#{getenv HOME} v\n")
    assert document.sections["default"]["/home/me"].location == Location(file=str(tmp_path / "f"), line=1)


def test_many_continuation_lines_are_joined_once(tmp_path: Path) -> None:
    document = _read(tmp_path, "m first\n" + "  line\n" * 20_000)
    assert document.sections["default"]["m"].value.count("\n") == 20_000


def test_a_helper_in_a_continued_value_sees_what_is_there_so_far(tmp_path: Path) -> None:
    document = _read(tmp_path, "m one\n  two\n  (#{get default m})\n  end\n")
    assert document.sections["default"]["m"].value == "one\ntwo\n(one two)\nend"


def test_a_wildcard_name_that_python_frowns_at_is_a_pattern_like_any_other(tmp_path: Path) -> None:
    document = _read(tmp_path, "[a[b]\nx 1\n[%[[]b]\ny 2\n")
    assert _values(document) == {"a[b": {"x": "1", "y": "2"}}
    assert document.findings == ()
