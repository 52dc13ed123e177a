"""The area's file, typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from megatest.config.area import find_area, load_area
from megatest.config.entry import Loaded
from megatest.config.source import ParseCache
from megatest.model.error import Severity, UserError
from megatest.model.ids import Target
from megatest.model.spec import Area, Disk, Field, HostSlots, Variable

FIELDS = "[fields]\nsys TEXT\nrel\n"


def _load(home: Path, text: str, env: dict[str, str] | None = None, target: str = "") -> Loaded[Area]:
    (home / "megatest.config").write_text(text)
    parts = Target(tuple(target.split("/"))) if target else None
    own = {"PATH": "/usr/bin:/bin", "HOME": "/home/me"} if env is None else env
    return load_area(str(home), env=own, cache=ParseCache(), target=parts)


def _errors(loaded: Loaded[Area]) -> list[str]:
    return [finding.message for finding in loaded.findings if finding.severity is Severity.ERROR]


def test_an_area_is_found_upward(tmp_path: Path) -> None:
    (tmp_path / "megatest.config").write_text("")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_area(str(deep), {}) == str(tmp_path)


def test_the_environment_names_the_area_and_wins(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "megatest.config").write_text("")
    assert find_area(str(tmp_path / "a"), {"MT_RUN_AREA_HOME": str(tmp_path / "b")}) == str(tmp_path / "b")


def test_no_area_is_a_user_error_with_exit_status_2(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No megatest\.config file found") as caught:
        find_area(str(tmp_path), {})
    assert caught.value.exit_code == 2
    assert "megatest init" in (caught.value.hint or "")
    with pytest.raises(UserError, match=r"No megatest\.config file found"):
        find_area(str(tmp_path), {"MT_RUN_AREA_HOME": str(tmp_path)})
    with pytest.raises(UserError, match=r"No other\.config file found"):
        find_area(str(tmp_path), {}, "other.config")
    with pytest.raises(UserError, match="file found"):
        load_area(str(tmp_path), env={}, cache=ParseCache())


def test_defaults_hold_where_the_file_says_nothing(tmp_path: Path) -> None:
    area = _load(tmp_path, "[fields]\nsys TEXT\nrel TEXT\n").value
    plain = Area(
        home=str(tmp_path),
        config_file=str(tmp_path / "megatest.config"),
        name=tmp_path.name,
        fields=(Field(name="sys"), Field(name="rel")),
        linktree=str(tmp_path / "lt"),
        tests_paths=(str(tmp_path / "tests"),),
        resolved=area.resolved,
    )
    assert area == plain


def test_settings_are_typed(tmp_path: Path) -> None:
    area = _load(
        tmp_path,
        FIELDS
        + """
[setup]
linktree links
max_concurrent_jobs 7
launch_delay 0.5
runtimelim 1h 30m
deadtime 600
minspace 10G
keep-attempts 0
script-exit-table yes
target u/v
area-name me
blacklistvars A,B C
[jobtools]
launcher bsub -q fast
useshell no
maxload 2.5
flexi-launcher yes
[jobgroups]
big 2
[pools]
lic 5
[hosts]
h1 slots 4
h2 2 /scratch
words host1, host2
[launchers]
a% fast
[host-types]
fast nbfake
[executor slurm]
queue batch
[validvalues]
state A B
cleanrerun-states KILLED,STUCK
[runs]
pre-hook echo pre
[testrollup]
t cmd
""",
    ).value
    assert area.linktree == str(tmp_path / "links")
    assert (area.max_concurrent_jobs, area.launch_delay_s, area.run_limit_s) == (7, 0.5, 5400)
    assert (area.dead_time_s, area.min_space_kib, area.keep_attempts) == (600, 10 * 1024**2, 0)
    assert (area.script_exit_table, area.default_target, area.name) == (True, "u/v", "me")
    assert (area.launcher, area.use_shell, area.max_load) == ("bsub -q fast", False, 2.5)
    assert (area.flexi_launcher, area.jobgroups, area.pools) == (True, {"big": 2}, {"lic": 5})
    assert area.hosts == (HostSlots(name="h1", slots=4), HostSlots(name="h2", slots=2, directory="/scratch"))
    assert (area.launchers, area.host_types) == ((("a%", "fast"),), {"fast": "nbfake"})
    assert area.executors == {"slurm": {"queue": "batch"}}
    assert (area.valid_states, area.clean_rerun_states) == (("A", "B"), ("KILLED", "STUCK"))
    assert (area.run_pre_hook, area.testrollup, area.hidden_variables) == (
        "echo pre",
        {"t": "cmd"},
        ("A", "B", "C"),
    )


@pytest.mark.parametrize("directory", ["scratch", "~/scratch", "/", "/a;b", "/$HOME/x", "/a//b", "$(pwd)"])
def test_a_work_directory_that_no_shell_can_take_as_it_is_is_an_error(tmp_path: Path, directory: str) -> None:
    loaded = _load(tmp_path, FIELDS + f"[hosts]\nh1 slots 2 {directory}\nh2 slots 1 /ok/\n")
    assert loaded.value.hosts == (HostSlots(name="h2", slots=1, directory="/ok"),)
    assert ["work directory" in message for message in _errors(loaded)] == [True]
    assert loaded.findings[-1].location is not None
    assert loaded.findings[-1].location.line == 5


@pytest.mark.parametrize("value", ["0", "-3", "abc", "1.5", ""])
def test_a_limit_that_is_no_limit_is_an_error(tmp_path: Path, value: str) -> None:
    loaded = _load(tmp_path, FIELDS + f"[setup]\nmax_concurrent_jobs {value}\n")
    assert len(_errors(loaded)) == 1
    assert loaded.value.max_concurrent_jobs is None
    finding = loaded.findings[-1]
    assert finding.location is not None
    assert (finding.location.line, finding.source) == (5, f"max_concurrent_jobs {value}")


@pytest.mark.parametrize(
    "lines",
    ["[setup]\nlaunch-delay soon", "[setup]\nruntimelim 90", "[setup]\nminspace 10X", "[jobtools]\nmaxload x",
     "[jobgroups]\ng many", "[setup]\nkeep-attempts -1"],
)  # fmt: skip
def test_wrong_values_are_errors_with_a_hint(tmp_path: Path, lines: str) -> None:
    loaded = _load(tmp_path, FIELDS + lines + "\n")
    assert len(_errors(loaded)) == 1
    assert loaded.findings[-1].hint


def test_a_value_made_of_an_unset_variable_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    loaded = _load(tmp_path, FIELDS + "[setup]\nmax_concurrent_jobs #{getenv NO_SUCH}\n")
    assert _errors(loaded) == []
    assert loaded.value.max_concurrent_jobs is None


def test_an_area_without_fields_is_an_error_that_says_how_to_add_one(tmp_path: Path) -> None:
    loaded = _load(tmp_path, "[setup]\n")
    assert _errors(loaded) == ["the area has no fields, so its runs can have no target"]
    assert "[fields]" in (loaded.findings[0].hint or "")


@pytest.mark.parametrize("name", ["runname", "State", "id", "last_update", "a-b", "1a", "sys", "x" * 64])
def test_fields_that_no_column_can_have_are_errors_with_their_place(tmp_path: Path, name: str) -> None:
    loaded = _load(tmp_path, f"[fields]\nSYS TEXT\n{name} TEXT\n")
    assert len(_errors(loaded)) == 1
    location = loaded.findings[0].location
    assert location is not None
    assert (Path(location.file).name, location.line, location.column) == ("megatest.config", 3, 1)
    assert loaded.value.field_names == ("SYS",)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", "TEXT"),
        ("int", "INTEGER"),
        ("TEXT DEFAULT 'x'", "TEXT"),
        ("VARCHAR(20)", "TEXT"),
        ("real", "REAL"),
    ],
)
def test_a_field_has_one_of_the_known_types(tmp_path: Path, given: str, read: str) -> None:
    loaded = _load(tmp_path, f"[fields]\na {given}\n")
    assert loaded.value.fields == (Field(name="a", sql_type=read),)
    assert loaded.findings == ()


def test_an_unknown_field_type_is_text_with_a_warning(tmp_path: Path) -> None:
    loaded = _load(tmp_path, "[fields]\na BLUB\n")
    assert loaded.value.fields == (Field(name="a"),)
    assert [finding.severity for finding in loaded.findings] == [Severity.WARNING]


def test_the_link_tree_is_the_environments_then_the_files(tmp_path: Path) -> None:
    text = FIELDS + "[setup]\nrunsdir old\n"
    assert _load(tmp_path, text).value.linktree == str(tmp_path / "old")
    assert _load(tmp_path, text + "linktree new\n").value.linktree == str(tmp_path / "new")
    assert _load(tmp_path, text, {"MT_LINKTREE": "/env/lt"}).value.linktree == "/env/lt"


def test_disks_are_expanded_and_relative_to_the_area(tmp_path: Path) -> None:
    loaded = _load(tmp_path, FIELDS + "[disks]\na ~/d\nb sub\nc /abs/x/\nd\n")
    disks = [(disk.name, disk.path) for disk in loaded.value.disks]
    assert disks == [("a", "/home/me/d"), ("b", str(tmp_path / "sub")), ("c", "/abs/x")]
    assert isinstance(loaded.value.disks[0], Disk)
    assert [finding.severity for finding in loaded.findings] == [Severity.WARNING]


def test_directories_of_tests_end_with_the_areas_own(tmp_path: Path) -> None:
    area = _load(tmp_path, FIELDS + "[tests-paths]\n1 more\n2 /abs\n").value
    assert area.tests_paths == (str(tmp_path / "more"), "/abs", str(tmp_path / "tests"))


def test_reading_for_a_target_exports_the_fields_and_what_tests_rely_on(tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "PWD": "/elsewhere"}
    text = FIELDS + "[env-override]\nA $sys-x\n[a]\nt #{getenv MT_TARGET} #{getenv rel} #{getenv PWD}\n"
    loaded = _load(tmp_path, text, env, "u/v")
    assert loaded.value.env_override == (Variable("A", "u-x"),)
    assert loaded.value.exported == {"A": "u-x", "sys": "u", "rel": "v"}
    assert loaded.value.resolved["a"] == (Variable("t", f"u/v v {tmp_path}"),)
    assert (env["MT_RUN_AREA_HOME"], env["MT_LINKTREE"]) == (str(tmp_path), str(tmp_path / "lt"))
    assert (env["MT_TARGET"], env["MT_TESTSUITENAME"]) == ("u/v", tmp_path.name)


def test_the_run_name_is_seen_by_the_file(tmp_path: Path) -> None:
    (tmp_path / "megatest.config").write_text(FIELDS + "[a]\nr #{getenv MT_RUNNAME}\n")
    area = load_area(str(tmp_path), env={}, cache=ParseCache(), runname="r1").value
    assert area.resolved["a"] == (Variable("r", "r1"),)


def test_fields_that_end_the_file_are_exported_for_what_is_read_next(tmp_path: Path) -> None:
    env: dict[str, str] = {}
    assert _load(tmp_path, "[a]\nx 1\n" + FIELDS, env, "u/v").value.exported == {"sys": "u", "rel": "v"}
    assert env["sys"] == "u"


def test_an_appended_file_wins(tmp_path: Path) -> None:
    (tmp_path / "megatest.config").write_text(FIELDS + "[setup]\nmax_concurrent_jobs 3\nlinktree a\n")
    (tmp_path / "more").write_text("[setup]\nlinktree b\n[pools]\nx 1\n")
    area = load_area(str(tmp_path), env={}, cache=ParseCache(), append="more").value
    assert (area.max_concurrent_jobs, area.linktree, area.pools) == (3, str(tmp_path / "b"), {"x": 1})
    with pytest.raises(UserError, match=r"No .*none file found"):
        load_area(str(tmp_path), env={}, cache=ParseCache(), append="none")


def test_triggers_keep_their_commands_blanks_and_say_what_never_fires(tmp_path: Path) -> None:
    loaded = _load(
        tmp_path,
        f"{FIELDS}[triggers]\nCOMPLETED/FAIL echo -- \nCOMPLETED/ a\n/PASS b\nPASS/ c\n"
        "COMPLETED d\nCOMPLETE/X e\nMINE/ f\n",
    )
    seen = [(trigger.state, trigger.status, trigger.command) for trigger in loaded.value.triggers]
    assert seen == [
        ("COMPLETED", "FAIL", "echo -- "),
        ("COMPLETED", "", "a"),
        ("", "PASS", "b"),
        ("", "PASS", "c"),
        ("COMPLETED", "", "d"),
        ("COMPLETE", "X", "e"),
        ("MINE", "", "f"),
    ]
    assert [finding.location.line for finding in loaded.findings if finding.location] == [8, 9, 10]


def test_a_pool_may_name_its_units(tmp_path: Path) -> None:
    loaded = _load(tmp_path, FIELDS + "[pools]\nlic 5\nport units 7001 7002\n  7003\n")
    assert loaded.findings == ()
    assert loaded.value.pools == {"lic": 5, "port": 3}
    assert loaded.value.pool_units == {"port": ("7001", "7002", "7003")}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("board units", "pool 'board' names no units"),
        ("board units b1 b2 b1", "pool 'board' has two units 'b1'"),
        ("board b1 b2", "board: 'b1 b2' is no"),
        ("board -1", "board: '-1' is no"),
        ("my-port units 1\nmy.port units 2", "in one variable, MT_POOL_MY_PORT"),
    ],
)
def test_a_pool_that_cannot_be_is_an_error_with_its_place(tmp_path: Path, line: str, said: str) -> None:
    (finding,) = _load(tmp_path, FIELDS + f"[pools]\n{line}\n").findings
    assert said in finding.message
    assert finding.location is not None


def test_a_launcher_line_with_an_unknown_host_type_is_passed_over_and_named(tmp_path: Path) -> None:
    loaded = _load(tmp_path, f"{FIELDS}[launchers]\na1 fats\na% slow\n[host-types]\nfast x\nslow y\n")
    assert loaded.value.launchers == (("a%", "slow"),)
    (finding,) = loaded.findings
    assert "[host-types] has no 'fats'" in finding.render()
    assert finding.location is not None
    assert finding.location.line == 5
    assert finding.hint == "did you mean 'fast'?"
