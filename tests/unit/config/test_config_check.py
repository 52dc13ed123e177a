"""Everything wrong with an area."""

from __future__ import annotations

from pathlib import Path

import pytest

from megatest.config.check import check_area
from megatest.config.source import ParseCache
from megatest.model.error import Diagnostic, Severity
from megatest.model.ids import Target
from megatest.model.spec import NO_COMMENT

CONFIG = "[fields]\nsys TEXT\nrel TEXT\n[jobgroups]\nbig 2\n[pools]\nlic 2\n"
RUNCONFIGS = "[default]\nV 1\n[u/v]\nW 2\n"
ENV = {"PATH": "/usr/bin:/bin", "HOME": "/home/me"}


def _check(
    home: Path, config: str = "", runconfigs: str = RUNCONFIGS, target: Target | None = None, **tests: str
) -> list[Diagnostic]:
    (home / "megatest.config").write_text(CONFIG + config)
    (home / "runconfigs.config").write_text(runconfigs)
    (home / "tests").mkdir(exist_ok=True)
    for name, text in tests.items():
        (home / "tests" / name).mkdir()
        (home / "tests" / name / "testconfig").write_text(text)
    return check_area(str(home), ENV, ParseCache(), target=target)


def _render(findings: list[Diagnostic], home: Path) -> str:
    return "\n".join(finding.render() for finding in findings).replace(f"{home}/", "")


def test_a_sound_area_has_no_findings(tmp_path: Path) -> None:
    findings = _check(
        tmp_path,
        "[executor slurm]\nqueue q\n[mydata]\nx 1\n[misc]\ny #{getenv sys}\n",
        compile="[ezsteps]\na make\n[requirements]\nlic 1\n[test_meta]\njobgroup big\n",
        smoke="[ezsteps]\na make #{getenv W} #{getenv V} #{getenv rel}\n[requirements]\nwaiton compile\n",
    )
    assert findings == []


def test_an_unknown_prerequisite_names_the_nearest_test_and_its_place(tmp_path: Path) -> None:
    findings = _check(
        tmp_path, compile="[ezsteps]\na b\n", smoke="[ezsteps]\na b\n[requirements]\nwaiton setup compil\n"
    )
    assert _render(findings[1:], tmp_path) == (
        "tests/smoke/testconfig:4:14: error: unknown test 'compil' in waiton\n"
        "    waiton setup compil\n"
        "                 ^~~~~~\n"
        "hint: did you mean 'compile'? (tests/compile/testconfig)"
    )


def test_a_test_that_waits_for_itself_is_an_error(tmp_path: Path) -> None:
    (finding,) = _check(tmp_path, a="[ezsteps]\na b\n[requirements]\nwaiton a\n")
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            "[setup]\nmax-concurrent-jobs 3\n",
            "megatest.config:9:1: warning: [setup] knows no 'max-concurrent-jobs'",
        ),
        ("[setup]\nmax-concurrent-jobs 3\n", "hint: did you mean 'max_concurrent_jobs'?"),
        ("[jobtool]\nlauncher x\n", "hint: did you mean [jobtools]?"),
        (
            "[setup]\nmax_concurrent_jobs 0\n",
            "megatest.config:9:21: error: max_concurrent_jobs: '0' is no number",
        ),
        ("[disks]\nd /no/such/disk\n", "megatest.config:9:3: warning: disk 'd': there is no directory"),
        ("[launchers]\n% fats\n[host-types]\nfast x\n", "hint: did you mean 'fast'?"),
        ("[setup]\ntarget u\n", "megatest.config:9:8: error: target 'u' has 1 part"),
        (
            "[validvalues]\ncleanrerun-states KILED\n",
            "megatest.config:9:19: warning: no state is called 'KILED'",
        ),
        ("[tests-paths]\n1 none\n", "warning: no tests are read from"),
        ("[setup]\n\n  lost\n", "megatest.config:10:1: warning: this line is ignored"),
        ("[%(]\nx 1\n", "error: [%(] matches nothing"),
    ],
)
def test_slips_in_the_areas_file_are_found(tmp_path: Path, config: str, said: str) -> None:
    assert said in _render(_check(tmp_path, config), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[setup]\nrunscript none.sh\n", "testconfig:2:11: error: there is no runscript 'none.sh'"),
        ("[setup]\nrunscript ./none.sh\n", "error: there is no runscript './none.sh'"),
        (
            "[ezsteps]\na true\n[items]\nCORNER slow fast # two\n",
            "testconfig:4:18: warning: '#' is a word of this value like the others\n    CORNER slow fast # ",
        ),
        (
            "[ezsteps]\na true\n[requirements]\nretries 2 # twice\n",
            "; there are no comments behind a value; a comment is a line of its own",
        ),
        ("[setup]\nrunscript ..\n", "testconfig:2:11: error: runscript '..' is a directory"),
        (
            "[ezsteps]\na\nb true\n",
            "testconfig:2:1: warning: step 'a' has no command, so it passes without doing anything",
        ),
        ("[subrun]\nrun-area nowhere\n", "testconfig:2:10: error: [subrun] run-area: there is no directory "),
        (
            "[ezsteps]\na true\n[requirements]\nwaitno a\n",
            "hint: did you mean 'waiton'?",
        ),
        ("[requirements]\n", "warning: ", ),
        ("[requirement]\nwaiton x\n", "hint: did you mean [requirements]?"),
        ("[ezsteps]\na b\n[requirements]\nwaitin x\n", "hint: did you mean 'waiton'?"),
        ("[ezsteps]\nstep1 b\n[logpro]\nstep2 ;;\n", "hint: did you mean 'step1'?"),
        ("[ezsteps]\na b\n[test_meta]\njobgroup bigg\n", "hint: did you mean 'big'?"),
        ("[ezsteps]\na b\n[requirements]\nlic 3\n", "testconfig:4:5: error: test 't1' can never start"),
        ("[ezsteps]\na b\n[requirements]\nlic 3\n", "hint: ask for 2 at most, or enlarge the pool"),
        ("[ezsteps]\na b\n[requirements]\nlicc 1\n", "testconfig:4:1: error: [requirements] knows no 'licc'"),
        ("[ezsteps]\na b\n[requirements]\nmode itemach\n", "hint: did you mean 'itemmatch'?"),
        ("[ezsteps]\na b\n[items]\nA x ..\n", "testconfig:4:5: error: item '..'"),
        ("[ezsteps]\na b\n[requirements]\nretries x\n", "error: retries: 'x' is no whole number"),
    ],
)  # fmt: skip
def test_slips_in_a_test_are_found(tmp_path: Path, text: str, said: str) -> None:
    assert said in _render(_check(tmp_path, t1=text), tmp_path)


def test_processors_may_be_a_pool_and_then_are_counted_here_too(tmp_path: Path) -> None:
    fits, greedy = (f"[ezsteps]\na b\n[requirements]\ncpus {count}\n" for count in (8, 9))
    (finding,) = _check(tmp_path, "[pools]\ncpus 8\n", fits=fits, greedy=greedy)
    assert finding.message == ("test 'greedy' can never start: it asks for 9 of pool 'cpus', which has 8")


def test_a_pool_without_a_size_is_one_finding_not_one_for_each_test(tmp_path: Path) -> None:
    test = "[ezsteps]\na b\n[requirements]\nboard 3\n"
    findings = _check(tmp_path, "[pools]\nboard four\n", t1=test, t2=test)
    assert [finding.message for finding in findings] == ["board: 'four' is no whole number"]


def test_a_group_without_room_is_found_at_its_name(tmp_path: Path) -> None:
    findings = _check(tmp_path, "[jobgroups]\nnone 0\n", t1="[ezsteps]\na b\n[test_meta]\njobgroup none\n")
    assert "testconfig:4:10: error: test 't1' can never start: its job group 'none' has the limit 0" in (
        _render(findings, tmp_path)
    )


@pytest.mark.parametrize(
    ("first_line", "said"),
    [
        (b"#!/bin/sh\r\n", "error: the #! line of runscript 'main.sh' ends with CR LF"),
        (b"#!/no/such/sh -e\n", "error: runscript 'main.sh' begins with #!/no/such/sh, and there is no such"),
        (b"#!/bin/sh -e\n", ""),
        (b"#!\n", ""),
        (b"echo hello\n", ""),
    ],
)
def test_a_script_that_nothing_can_start_is_an_error(tmp_path: Path, first_line: bytes, said: str) -> None:
    directory = tmp_path / "tests" / "t"
    directory.mkdir(parents=True)
    (directory / "testconfig").write_text("[setup]\nrunscript main.sh\n")
    (directory / "main.sh").write_bytes(first_line)
    found = _render(_check(tmp_path), tmp_path)
    assert said in found if said else found == ""


def test_what_a_script_begins_with_may_be_where_tests_run(tmp_path: Path) -> None:
    directory = tmp_path / "tests" / "t"
    directory.mkdir(parents=True)
    (directory / "testconfig").write_text("[setup]\nrunscript main.sh\n")
    (directory / "main.sh").write_text("#!/no/such/sh\n")
    (finding,) = _check(tmp_path, "[executor slurm]\nqueue q\n")
    assert finding.severity is Severity.WARNING


def test_a_directory_in_place_of_a_testconfig_is_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "tests" / "t" / "testconfig").mkdir(parents=True)
    found = _render(_check(tmp_path), tmp_path)
    assert found == "warning: tests/t/testconfig is a directory, so tests/t is no test"


def test_a_runscript_may_be_beside_the_testconfig_or_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "tests" / "own").mkdir(parents=True)
    for name, script in (("own", "main.sh"), ("path", "true"), ("made", "$X/y")):
        (tmp_path / "tests" / name).mkdir(exist_ok=True)
        (tmp_path / "tests" / name / "testconfig").write_text(f"[setup]\nrunscript {script}\n")
    (tmp_path / "tests/own/main.sh").write_text("")
    assert _check(tmp_path) == []


def test_a_section_that_is_no_target_is_found(tmp_path: Path) -> None:
    findings = _check(tmp_path, runconfigs=RUNCONFIGS + "[u]\nX 1\n")
    assert "runconfigs.config:6:1: warning: section [u] is no target" in _render(findings, tmp_path)


def test_what_an_included_file_says_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "common").write_text("[ezsteps]\na b\n[requirements]\nmode bad\n")
    text = "[include ../../common]\n"
    assert len(_check(tmp_path, t1=text, t2=text, t3=text)) == 1


def test_the_target_of_the_setup_or_the_first_or_the_given_one_counts(tmp_path: Path) -> None:
    text = "[ezsteps]\na #{getenv sys} #{getenv W}\n"
    assert _check(tmp_path, t1=text) == []
    findings = check_area(str(tmp_path), ENV, ParseCache(), target=Target(("x", "y")))
    assert [finding.message for finding in findings] == ["variable 'W' is not set"]


def test_a_comment_behind_a_waiton_is_said_once_with_the_remedy(tmp_path: Path) -> None:
    findings = _check(
        tmp_path, t1="[requirements]\nwaiton t2 # first\n[ezsteps]\na b\n", t2="[ezsteps]\na b\n"
    )
    assert [(finding.message, finding.hint) for finding in findings] == [
        ("unknown test '#' in waiton", NO_COMMENT),
        ("unknown test 'first' in waiton", None),
    ]


def test_an_area_without_fields_is_checked_to_the_end(tmp_path: Path) -> None:
    _check(tmp_path, t1="[requirements]\nwaiton none\n[ezsteps]\na b\n")
    (tmp_path / "megatest.config").write_text("[setup]\n")
    findings = check_area(str(tmp_path), ENV, ParseCache())
    assert [finding.message for finding in findings if finding.severity is Severity.ERROR] == [
        "the area has no fields, so its runs can have no target",
        "unknown test 'none' in waiton",
    ]


def test_checking_leaves_the_environment_alone(tmp_path: Path) -> None:
    _check(tmp_path, "[a]\nbare\n")
    assert ENV == {"PATH": "/usr/bin:/bin", "HOME": "/home/me"}


def test_conditions_of_retries_that_no_failure_fits_are_pointed_at(tmp_path: Path) -> None:
    findings = _check(
        tmp_path, t="[ezsteps]\na b\n[requirements]\nretries 2\nretry-on FAIL,fial 7 log:x signature:y oops\n"
    )
    assert [f"{f.location} {f.message}".replace(f"{tmp_path}/", "") for f in findings] == [
        "tests/t/testconfig:5:15 retry-on: no status is called 'fial'",
        "tests/t/testconfig:5:40 retry-on: no status is called 'oops'",
    ]


def test_waivers_that_are_wrong_or_of_no_use_are_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "waivers.config").write_text(
        "[t 0123456789ab]\nreason x\nowner y\nexpires 2020-01-01\n\n"
        "[tt/x 0123456789ab]\nreason x\nowner y\n\n[t 0123456789ac]\nowner y\n"
    )
    findings = _check(tmp_path, t="[ezsteps]\na b\n")
    assert [f"{f.location.line if f.location else 0} {f.severity}: {f.message}" for f in findings] == [
        "11 error: the waiver [t 0123456789ac] has no reason",
        "2 warning: the waiver of t by y expired on 2020-01-01",
        "7 warning: there is no test 'tt' to waive",
    ]
