"""What is wrong with a line of the original's options is said, and nothing is done."""

from __future__ import annotations

import pytest
from area_kit import TARGET, W1, AreaKit, suite


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> AreaKit:
    return suite(tmp_path_factory.mktemp("bad") / "area")


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["-runtest", "ok", *W1], 2, "'-runtest'\nhint: did you mean '-runtests'?"),
        (["-run", *W1, "word"], 2, "unknown argument 'word'"),
        (["-list-runs"], 2, "-list-runs needs a value"),
        (["-run", *W1, ":sysname"], 2, ":sysname needs a value"),
        (["-run", "-runname", "w1", ":sysnam", "a"], 2, "':sysnam'"),
        (["-run", "-runname", "w1", ":sysname", "a"], 2, "field fsname"),
        (["-run", "-runname", "w1"], 2, "field sysname"),
        (["-run", *TARGET], 2, "-run needs the name of a run"),
        (["-run", "-target", "ubuntu", "-runname", "w1"], 2, "'ubuntu' has 1 part"),
        (["-run", "-target", "a/b", ":sysname", "a", "-runname", "w1"], 2, "both -target and :sysname"),
        (["-run", "-reqtarg", "suse/nfz", "-runname", "w1"], 1, "'suse/nfs'"),
        (["-run", *TARGET, "-runname", "a/b"], 2, "run name 'a/b'"),
        (["-runtests", "ok,nosuch", *W1], 2, "nosuch"),
        (["-run", *W1, "-testpatt", "nothing%"], 2, "no test matches 'nothing%'"),
        (["-run", *W1, "-testpatt", "re:("], 2, "'re:('"),
        (["-run", *W1, "-modepatt", "NOSUCH"], 2, "'NOSUCH'"),
        (["-remove-runs", *W1], 3, "-remove-runs needs -testpatt"),
        (["-remove-runs", "-runname", "w1", "-testpatt", "%"], 2, "field sysname"),
        (["-set-state-status", "COMPLETED", *W1, "-testpatt", "%"], 2, "'COMPLETED'"),
        (["-set-state-status", "COMPLETED,PASS", *W1], 3, "needs -testpatt"),
        (["-set-run-status", "done", *TARGET, "-runname", "none"], 1, "no run ubuntu/nfs/none"),
        (["-get-run-status", *TARGET, "-runname", "none"], 1, "no run ubuntu/nfs/none"),
        (["-lock", *TARGET, "-runname", "none"], 1, "no run ubuntu/nfs/none"),
        (["-unlock", *TARGET], 2, "-unlock needs the name of a run"),
        (["-run-wait", *W1], 3, "-run-wait needs -testpatt"),
        (["-list-runs", "%", "-fields", "tests:colour"], 2, "'colour'"),
        (["-list-runs", "%", "-fields", "trees"], 2, "'trees'"),
        (["-list-runs", "%", "-sort", "colour"], 2, "'colour'"),
        (["-list-runs", "%", "-dumpmode", "ods"], 2, "'ods'"),
        (["-list-runs", "%", "-target", "ubuntu"], 2, "'ubuntu'"),
        (["-show-config", "-section", "setupp"], 2, "'setup'"),
        (["-show-config", "-section", "setup", "-var", "linktre"], 2, "'linktree'"),
        (["-showkeys", "-start-dir", "/nonexistent"], 1, "/nonexistent"),
        (["-showkeys", "-log", "/proc/none/x"], 1, "/proc/none/x"),
        (["-showkeys", "-config", "none.config"], 2, "none.config"),
        (["-showkeys", "-append-config", "none.config"], 2, "none.config"),
        (["-archive", "save", *W1], 2, "-archive is not in this program"),
        (["-diff-rep"], 2, "-diff-rep is not in this program"),
        ([":value", "3", "-showkeys"], 2, ":value"),
        (["-create-test", "ok"], 2, "'ok'"),
        (["-create-test", "a/b"], 2, "'a/b'"),
        (["-create-megatest-area"], 2, "megatest.config is there already"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_line_is_refused(area: AreaKit, words: list[str], code: int, named: str) -> None:
    done = area.megatest(*words)
    assert done.code == code, done.said
    assert named in done.err
    assert done.err.startswith("error: ")
    assert done.out == ""


def test_what_is_refused_leaves_no_run_behind(area: AreaKit) -> None:
    assert not (area.home / "lt").exists()
    assert not (area.home / "runs").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["-step", "s", ":state", "start", ":status", "n/a"],
        ["-test-status"],
        ["-setlog", "x"],
        ["-runstep", "s", "true"],
    ],
    ids=" ".join,
)
def test_an_option_for_inside_a_test_is_refused_outside(area: AreaKit, words: list[str]) -> None:
    done = area.megatest(*words)
    assert done.code == 5
    assert words[0] in done.err
