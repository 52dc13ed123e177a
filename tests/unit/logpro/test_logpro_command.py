"""The classic command line."""

from __future__ import annotations

import datetime
import io
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from megatest.logpro.command import main

TODAY = datetime.date(2026, 3, 1)
ERROR = '(expect:error in "LogFileBody" = 0 "E" #/ERR/)\n'


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def logpro(
    *argv: str, rules: str = ERROR, log: bytes = b"ok\n", environ: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    Path("r.logpro").write_text(rules)
    stdout, stderr = io.BytesIO(), io.StringIO()
    words = argv or ("r.logpro", "out.html")
    code = main(words, io.BytesIO(log), stdout, stderr=stderr, today=TODAY, environ=environ or {})
    return code, stdout.getvalue().decode(), stderr.getvalue()


def test_the_exit_status_is_the_verdicts_and_page_and_dat_are_written() -> None:
    code, text, errors = logpro(log=b"an ERR\n")
    assert (code, errors) == (1, "")
    assert "LOGPRO Error: E = 0 in section LogFileBody on line 0\nan ERR\n" in text
    assert Path("out.html").exists()
    assert Path("out.dat").read_text() == "[final]\nexit-code 1\nexit-status FAIL\nmessage error: E\n"


def test_without_a_page_the_dat_is_summary_dat() -> None:
    assert logpro("r.logpro")[0] == 0
    assert Path("summary.dat").read_text() == "[final]\nexit-code 0\nexit-status PASS\n"
    assert not Path("out.html").exists()


def test_waivers_stand_before_the_rules_and_may_be_missing() -> None:
    Path("w.logpro").write_text('(expect:waive in "LogFileBody" = 0 "W" #/known/)')
    assert logpro("r.logpro", "o.html", "w.logpro", log=b"known ERR\n")[0] == 4
    assert logpro("r.logpro", "o.html", "none.logpro", log=b"known ERR\n")[0] == 1


def test_waivers_may_come_from_a_pipe_and_a_directory_is_no_waiver_file() -> None:
    reader, writer = os.pipe()
    os.write(writer, b'(expect:waive in "LogFileBody" = 0 "W" #/known/)')
    os.close(writer)
    assert logpro("r.logpro", "o.html", f"/dev/fd/{reader}", log=b"known ERR\n")[0] == 4
    os.close(reader)
    assert logpro("r.logpro", "o.html", ".")[::2] == (1, "logpro: .: Is a directory\n")


@pytest.mark.parametrize("argv", [[], ["--frob", "r"], ["a", "b", "c", "d"]])
def test_wrong_arguments_bring_the_usage(argv: list[str]) -> None:
    stderr = io.StringIO()
    assert main(argv, io.BytesIO(), io.BytesIO(), stderr=stderr, today=TODAY, environ={}) == 1
    assert stderr.getvalue().startswith("Usage: logpro ")


def test_a_missing_rule_file_leaves_nothing() -> None:
    code, text, errors = logpro("none.logpro", "o.html")
    assert (code, text, errors) == (1, "", "logpro: none.logpro: No such file or directory\n")
    assert not Path("o.dat").exists()


def test_a_directory_as_rules_or_a_page_in_no_directory_is_an_error_in_words() -> None:
    Path("dir").mkdir()
    assert logpro("dir", "o.html")[::2] == (1, "logpro: dir: Is a directory\n")
    code, _, errors = logpro("r.logpro", "no/o.html")
    assert (code, errors) == (1, "logpro: no/o.html cannot be written: No such file or directory\n")


def test_mistakes_in_rules_are_shown_with_their_lines() -> None:
    code, text, errors = logpro(rules='(expect:error in "L" = 0 "E" 42)')
    assert code == 1
    assert text == "Syntax error in your command file\n"
    assert errors.splitlines()[:3] == [
        "r.logpro:1:30: error: expect:error: 42 is no pattern",
        '    (expect:error in "L" = 0 "E" 42)',
        "                                 ^~",
    ]


def test_explain_writes_the_reasons_instead_of_the_log() -> None:
    code, text, _ = logpro("--explain", "r.logpro", log=b"x\nERR\n")
    assert code == 1
    assert text.splitlines()[-2:] == ["    2: ERR", "2 lines: FAIL, exit 1 by error: E"]


def test_hooks_run_in_a_shell_that_does_not_see_the_log_unless_they_are_switched_off() -> None:
    rules = """(hook:add "h" "cat > got; echo '#{msg}' >> got; exit 3")
               (expect:note in "LogFileBody" >= 0 "N" #/x/ hook: "h")"""
    assert logpro(rules=rules, log=b"x y\n")[0] == 0
    assert Path("got").read_text() == "x y\n"
    Path("got").unlink()
    logpro("--no-hooks", "r.logpro", rules=rules, log=b"x y\n")
    assert not Path("got").exists()


def test_rules_may_load_files_of_the_working_directory_and_see_the_environment() -> None:
    Path("lib.scm").write_text(
        '(if (get-environment-variable "STRICT") (expect:skip in logfile = 0 "S" #/x/))'
    )
    rules = '(load "lib") (if (file-exists? "lib.scm") (print "here"))'
    assert logpro(rules=rules, log=b"x\n", environ={"STRICT": "1"})[0] == 6
    code, text, _ = logpro(rules=rules, log=b"x\n")
    assert (code, text.split("\n")[0]) == (0, "here")


def test_rules_that_exit_decide_alone_and_the_log_is_not_read() -> None:
    code, text, errors = logpro(rules='(expect:required in logfile > 0 "R" #/x/)\n(exit 9)')
    assert (code, text) == (9, "")
    note = "r.logpro:2:1: note: the rules end here with exit status 9; the log was not read"
    assert errors.splitlines()[0] == note
    assert "EXIT CODE: 9 (FAIL)" in Path("out.html").read_text()
    assert Path("out.dat").read_text() == ""
    assert logpro(rules="(exit 0)", environ={"MT_TEST_RUN_DIR": "/run"})[0] == 0
    assert Path("out.dat").read_text().splitlines()[:3] == ["[final]", "exit-code 0", "exit-status PASS"]


def test_what_rules_set_in_the_environment_their_commands_see_and_nobody_else() -> None:
    rules = '(setenv "WHO" "me") (system "echo $WHO > who")'
    environ = {"WHO": "you"}
    assert logpro(rules=rules, environ=environ)[0] == 0
    assert Path("who").read_text() == "me\n"
    assert environ == {"WHO": "you"}


def test_a_style_sheet_of_the_site_or_beside_the_page_is_linked() -> None:
    Path("site.css").write_text("")
    logpro(environ={"LOGPRO_CSS": "site.css"})
    assert '<link rel="stylesheet" href="site.css">' in Path("out.html").read_text()
    Path("logpro_style.css").write_text("")
    logpro(environ={"LOGPRO_CSS": "none.css"})
    assert '<link rel="stylesheet" href="logpro_style.css">' in Path("out.html").read_text()


def test_a_reader_that_has_gone_does_not_change_the_verdict() -> None:
    class Gone(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise BrokenPipeError

    Path("r.logpro").write_text(ERROR)
    assert (
        main(["r.logpro"], io.BytesIO(b"ERR\n"), Gone(), stderr=io.StringIO(), today=TODAY, environ={}) == 1
    )


def test_a_full_disk_is_an_error_in_words() -> None:
    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    Path("r.logpro").write_text(ERROR)
    errors = io.StringIO()
    assert main(["r.logpro"], io.BytesIO(b"x\n"), Full(), stderr=errors, today=TODAY, environ={}) == 1
    assert errors.getvalue() == "logpro: reading or writing: No space left on device\n"
