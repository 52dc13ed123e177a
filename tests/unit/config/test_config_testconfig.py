"""A test's file, typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from megatest.config.entry import Loaded
from megatest.config.runconfig import RunConfig
from megatest.config.source import ParseCache
from megatest.config.testconfig import Purpose, load_test
from megatest.model.error import Location, Severity
from megatest.model.spec import Area, Field, ItemVariable, Mode, Skip, Step, TestSpec, Variable

ENV = {"PATH": "/usr/bin:/bin", "HOME": "/home/me"}


def _area(home: Path) -> Area:
    return Area(
        home=str(home),
        config_file=str(home / "megatest.config"),
        name="n",
        fields=(Field(name="s"),),
        linktree=str(home / "lt"),
        pools={"lic": 3},
    )


def _load(
    home: Path,
    text: str,
    purpose: Purpose = Purpose.SCAN,
    env: dict[str, str] | None = None,
    runconfig: RunConfig | None = None,
) -> Loaded[TestSpec]:
    directory = home / "tests" / "t1"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "testconfig").write_text(text)
    own = dict(ENV) if env is None else env
    return load_test(
        _area(home), "t1", str(directory), env=own, cache=ParseCache(), runconfig=runconfig, purpose=purpose
    )


def _severities(loaded: Loaded[TestSpec]) -> list[Severity]:
    return [finding.severity for finding in loaded.findings]


def test_an_empty_file_is_a_test_without_anything(tmp_path: Path) -> None:
    spec = _load(tmp_path, "").value
    directory = str(tmp_path / "tests/t1")
    assert spec == TestSpec(name="t1", directory=directory, config_file=f"{directory}/testconfig")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    loaded = load_test(
        _area(tmp_path),
        "no",
        str(tmp_path / "no"),
        env={},
        cache=ParseCache(),
        runconfig=None,
        purpose=Purpose.SCAN,
    )
    assert _severities(loaded) == [Severity.ERROR]


def test_settings_are_typed(tmp_path: Path) -> None:
    loaded = _load(
        tmp_path,
        """[setup]
runscript main.sh
[requirements]
waiton a  b a
mode itemwait exclusive
priority -2.5
runtimelim 1h 30m
retries 2
retry-on FAIL,75
cpus 4
memory 1500M
gpus 1
walltime 2h
licenses tool:2
lic 2
itemmap (a\\d+)(b\\d+) \\2foo\\1
  b(.*) \\1p
[itemmap]
up% .*
[test_meta]
author me
tags a, b,,c
jobgroup big
[disks]
d ~/x
[pre-launch-env-vars]
A $HOME
[pre-launch-env-overrides]
B $HOME
[triggers]
/FAIL echo
[waivers]
w rule *.log
  other *.txt
[waiver_rules]
rule diff %file1% %file2%
[subrun]
runwait yes
""",
    )
    spec = loaded.value
    needs = spec.requirements
    assert loaded.findings == ()
    assert [waiton.test for waiton in needs.waitons] == ["a", "b"]
    assert needs.modes == {Mode.ITEMMATCH, Mode.EXCLUSIVE}
    assert (needs.priority, needs.priority_given, needs.run_limit_s) == (-2.5, True, 5400)
    assert needs.retries == 2
    resources = needs.resources
    assert (resources.cpus, resources.memory_mib, resources.gpus, resources.walltime_s) == (4, 1500, 1, 7200)
    assert resources.extra == (("licenses", "tool:2"),)
    (wish,) = needs.pools
    assert (wish.name, wish.amount, wish.source) == ("lic", 2, "lic 2")
    assert wish.location == Location(file=str(tmp_path / "tests/t1/testconfig"), line=15, column=5)
    assert [(itemmap.upstream, itemmap.lines) for itemmap in needs.itemmaps] == [
        ("%", (("(a\\d+)(b\\d+)", "\\2foo\\1"), ("b(.*)", "\\1p"))),
        ("up%", ((".*", ""),)),
    ]
    assert (spec.meta.author, spec.meta.tags, spec.meta.jobgroup) == ("me", ("a", "b", "c"), "big")
    assert [disk.path for disk in spec.disks] == ["/home/me/x"]
    assert spec.environment == (Variable("A", "/home/me"),)
    assert spec.launch_environment == (Variable("B", "$HOME"),)
    assert [trigger.status for trigger in spec.triggers] == ["FAIL"]
    assert spec.subrun == {"runwait": "yes"}


def test_a_prerequisite_knows_the_place_of_its_word(tmp_path: Path) -> None:
    spec = _load(tmp_path, "[requirements]\nwaiton compile  setup\n").value
    waiton = spec.requirements.waitons[1]
    assert waiton.location == Location(file=spec.config_file, line=2, column=17)
    assert waiton.source == "waiton compile  setup"


def test_steps_have_parameters_and_rules_and_a_shell_group_is_no_block(tmp_path: Path) -> None:
    spec = _load(
        tmp_path,
        "[ezsteps]\na {subrun=true;n=2} make\nb { echo 1; echo 2; } > x\nc\n[logpro]\na ;; r\n  (expect 1)\n",
    ).value
    assert spec.steps == (
        Step(name="a", command="make", parameters={"subrun": "true", "n": "2"}, logpro=";; r\n(expect 1)"),
        Step(name="b", command="{ echo 1; echo 2; } > x"),
        Step(name="c", command=""),
    )


@pytest.mark.parametrize(
    "text",
    [
        "[ezsteps]\na/b make\n",
        "[requirements]\nmode itemmtch\n",
        "[requirements]\nruntimelim soon\n",
        "[requirements]\nlic many\n",
        "[requirements]\nlic 0\n",
        "[requirements]\nlicc 1\n",
        "[items]\nA x ../y\n",
        "[items]\nA x -y\n",
    ],
)
def test_wrong_values_are_errors(tmp_path: Path, text: str) -> None:
    assert _severities(_load(tmp_path, text)) == [Severity.ERROR]


@pytest.mark.parametrize(
    "text", ["[requirements]\nmemory much\n", "[requirements]\ndiskspace x\n", "[requirements]\nwaitor a\n"]
)
def test_what_the_original_passed_over_is_a_warning(tmp_path: Path, text: str) -> None:
    assert _severities(_load(tmp_path, text)) == [Severity.WARNING]


@pytest.mark.parametrize(
    ("lines", "skip"),
    [
        ("rundelay 30m 15s\nprevrunning x", Skip(prevrunning=True)),
        ("rundelay 1h\nfileexists a b", Skip(fileexists="a b")),
        ("rundelay 30m 15s", Skip(rundelay_s=1815)),
        ("", Skip()),
    ],
)
def test_one_condition_to_skip_counts(tmp_path: Path, lines: str, skip: Skip) -> None:
    assert _load(tmp_path, f"[skip]\n{lines}\n").value.skip == skip


def _values(items: Sequence[ItemVariable] | None) -> dict[str, tuple[str, ...]]:
    return {variable.name: variable.values for variable in items or ()}


def test_items_are_there_or_not_and_may_be_empty(tmp_path: Path) -> None:
    spec = _load(tmp_path, "[items]\nA 1 2\n  3\nFOO\n").value
    assert _values(spec.items) == {"A": ("1", "2", "3"), "FOO": ()}
    assert spec.itemstable is None
    assert _load(tmp_path, "[itemstable]\n").value.itemstable == ()


def test_items_of_a_command_are_made_at_once_if_nothing_comes_before(tmp_path: Path) -> None:
    spec = _load(tmp_path, "[items]\nA [system echo 1 2]\n").value
    assert _values(spec.items) == {"A": ("1", "2")}
    assert not spec.items_need_upstream
    assert spec.depends_on_items


def test_items_of_a_command_wait_for_the_prerequisites(tmp_path: Path) -> None:
    text = "[requirements]\nwaiton [system echo a b]\n[items]\nA [system touch ran; echo 1 2]\n"
    spec = _load(tmp_path, text).value
    assert [waiton.test for waiton in spec.requirements.waitons] == ["a", "b"]
    assert _values(spec.items) == {"A": ()}
    assert spec.items_need_upstream
    assert not (tmp_path / "ran").exists()
    launched = _load(tmp_path, text, Purpose.LAUNCH).value
    assert _values(launched.items) == {"A": ("1", "2")}


@pytest.mark.parametrize(
    ("items", "waits"),
    [
        ("A 1 2", False),
        ("A #{getenv HOME}", False),
        ("A #{shell echo 1}", True),
        ("A #{get data a}", True),
        ("[include ../own]", False),
        ("[include ../not-there]", True),
        ("[include ../../lt/made]", True),
    ],
)
def test_what_a_prerequisite_can_change_waits_for_it(tmp_path: Path, items: str, waits: bool) -> None:
    for name in ("tests/own", "lt/made"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("B 1\n")
    text = f"[data]\na #{{sh echo 3}}\n[requirements]\nwaiton x\n[items]\n{items}\n"
    assert _load(tmp_path, text).value.items_need_upstream is waits


def test_an_include_from_outside_the_area_may_change(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("B 1\n")
    home = tmp_path / "area"
    home.mkdir()
    text = f"[requirements]\nwaiton x\n[items]\n[include {tmp_path / 'outside'}]\n"
    assert _load(home, text).value.items_need_upstream


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("[ezsteps]\na make $A\n", False),
        ("[x]\na #{getenv HOME}\n", False),
        ("[x]\na #{getenv A}\n[items]\nA 1\n", True),
        ("[x]\na #{getenv NOT_SET}\n", True),
        ("[x]\na #{getenv MT_ITEMPATH}\n", True),
        ("[x]\na #{shell true}\n", True),
        ("[x]\na [system true]\n", True),
        ("[x]\na #{scheme 1}\n", True),
        ("[pre-launch-env-vars]\na b c\n", False),
        ("[pre-launch-env-vars]\na $A\n", True),
    ],
)
def test_a_file_that_the_item_cannot_change_need_not_be_read_again(
    tmp_path: Path, text: str, again: bool
) -> None:
    assert _load(tmp_path, text, env={**ENV, "MT_ITEMPATH": ""}).value.depends_on_items is again


def test_no_command_runs_to_look_at_the_meta_data(tmp_path: Path) -> None:
    text = "[test_meta]\nauthor [system touch ran]\nowner me\n[pre-launch-env-vars]\nA 1\n"
    spec = _load(tmp_path, text, Purpose.META).value
    assert (spec.meta.author, spec.meta.owner) == ("", "me")
    assert not (tmp_path / "ran").exists()


def test_rget_falls_back_to_the_run_configuration(tmp_path: Path) -> None:
    runconfig = RunConfig(path="r", variables=(Variable("V", "a"), Variable("V", "b")))
    text = "[default]\nOWN 1\n[requirements]\nwaiton #{rget V} #{rget OWN}\n"
    spec = _load(tmp_path, text, runconfig=runconfig).value
    assert [waiton.test for waiton in spec.requirements.waitons] == ["b", "1"]


def test_commands_run_in_the_areas_directory_with_the_given_environment(tmp_path: Path) -> None:
    env = {**ENV, "X": "ex"}
    spec = _load(tmp_path, "[a]\nd [system pwd]\nx #{sh echo $X}\nbare\n", Purpose.LAUNCH, env).value
    assert spec.resolved["a"] == (
        Variable("d", str(tmp_path.resolve())),
        Variable("x", "ex"),
        Variable("bare", ""),
    )
    assert env["bare"] == ""


def test_two_loads_of_a_file_with_one_cache_are_equal(tmp_path: Path) -> None:
    text = "[requirements]\nwaiton a\n[items]\nA 1 2\n"
    assert _load(tmp_path, text).value == _load(tmp_path, text).value
    assert replace(_load(tmp_path, text).value, name="x") != _load(tmp_path, text).value
