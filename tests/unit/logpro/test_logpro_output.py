"""What is written: the page, the annotated log, the .dat, the explanation."""

from __future__ import annotations

import datetime
import html.parser
import io
from pathlib import Path

import pytest

from megatest.logpro.explanation import explain
from megatest.logpro.host import Host
from megatest.logpro.judge import Verdict
from megatest.logpro.load import RuleText
from megatest.logpro.run import Outputs, run_logpro
from megatest.model.error import EnvironmentFault

TODAY = datetime.date(2026, 3, 1)
RULES = """\
(trigger "go" #/start/)
(expect:ignore in logfile >= 0 "known <b>" #/known/)
(expect:error in logfile = 0 "100% bad & \\"q\\"" #/bad/ class: "mine")
(expect:value in logfile 5 0.5 "time" #/t=(\\S+)/)
"""
LOG = b"start <go>\nbad 1 & 2\x1b\x00\nknown bad\nbad 2\nt=5.2\n\xe9\n"


def judge_log(
    directory: Path, rules: str = RULES, log: bytes = LOG, page: str = "out.html"
) -> tuple[Verdict, bytes]:
    written: list[bytes] = []
    outputs = Outputs(
        page=directory / page, dat=directory / "out.dat", annotated=written.append, stylesheet="my.css"
    )
    verdict = run_logpro(
        RuleText(file="r", text=rules), io.BytesIO(log), today=TODAY, outputs=outputs, host=Host()
    )
    return verdict, b"".join(written)


class PageReader(html.parser.HTMLParser):
    """Collects ids, links and text, and checks that elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.content = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [value for value in [values.get("id")] if value]
        self.links += [value for value in [values.get("href")] if value]
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.content += data


def read_page(path: Path) -> PageReader:
    reader = PageReader()
    reader.feed(path.read_bytes().decode())
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_holds_the_log_escaped_with_anchors_from_line_to_line_to_summary_and_back(
    tmp_path: Path,
) -> None:
    judge_log(tmp_path)
    page = read_page(tmp_path / "out.html")
    assert page.content.count("start <go>\nbad 1 & 2??\nknown bad\nbad 2\nt=5.2\n\ufffd\n") == 1
    assert page.ids == [
        "key_1_1",
        "key_0_1",
        "key_1_2",
        "key_2_1",
        "summary",
        "key_0_2",
        "key_1_3",
        "key_2_2",
    ]
    assert [link for link in page.links if link.startswith("#key")] == [
        "#key_1_2",
        "#key_0_2",
        "#key_1_3",
        "#key_2_2",
        "#key_0_1",
        "#key_1_1",
        "#key_2_1",
    ]
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)
    assert "my.css" in page.links
    assert 'EXIT CODE: 1 (FAIL): error: 100% bad & "q"' in page.content


def test_the_page_is_marked_up_by_kind_class_and_trigger(tmp_path: Path) -> None:
    judge_log(tmp_path)
    text = (tmp_path / "out.html").read_text()
    assert '<span class="trigger" title="line 1; trigger LogFileBodyStart; trigger go">' not in text
    assert (
        '<span class="trigger" title="line 1; trigger go; trigger LogFileBodyStart">start &lt;go&gt;</span>'
        in text
    )
    assert (
        'class="error mine" title="line 2; rule-1 error: 100% bad &amp; &quot;q&quot;">bad 1 &amp; 2??</a>'
        in text
    )
    assert 'class="passed" title="line 5; rule-2 value: time">t=5.2</a>' in text


def test_the_annotated_log_is_the_log_with_a_line_before_each_counted_one(tmp_path: Path) -> None:
    verdict, written = judge_log(tmp_path)
    lines = written.decode("utf-8", "surrogateescape").split("\n")
    assert lines[0] == ""
    assert len([line for line in lines[1:6] if ": " in line]) == 5
    assert lines[6:] == [
        "LOGPRO: hit trigger go on line 0",
        "LOGPRO: hit trigger LogFileBodyStart on line 0",
        "start <go>",
        'LOGPRO Error: 100% bad & "q" = 0 in section LogFileBody on line 1',
        "bad 1 & 2\x1b\x00",
        "LOGPRO Ignore: known <b> >= 0 in section LogFileBody on line 2",
        "known bad",
        'LOGPRO Error: 100% bad & "q" = 0 in section LogFileBody on line 3',
        "bad 2",
        "LOGPRO Value: time 5 +/- 0.5 got 5.2 which is PASS in section LogFileBody on line 4",
        "t=5.2",
        "\udce9",
        "==========================LOGPRO SUMMARY==========================",
        "Trigger: go OK, count 1",
        "Trigger: LogFileBodyStart OK, count 1",
        "Expect: rule-0 Ignore in LogFileBody OK >=, expected of 0, got 1, desc=known <b> rx=#/known/",
        'Expect: rule-1 Error in LogFileBody FAIL =, expected of 0, got 2, desc=100% bad & "q" rx=#/bad/',
        "Expect: rule-2 Value in LogFileBody OK +/-, expected of 5, got 5.2, desc=time rx=#/t=(\\S+)/",
        "EXIT CODE: 1 (FAIL)",
        "",
    ]
    assert verdict.exit_code == 1


def test_the_dat_holds_values_and_the_verdict_a_line_each(tmp_path: Path) -> None:
    judge_log(tmp_path, '(expect:value in logfile 5 0.5 "a\\nb" #/t=(.*)/)', b"t=x\n")
    assert (tmp_path / "out.dat").read_text() == (
        "[rule-0]\noperator in\nsection LogFileBody\ndesc a b\nstatus FAIL\nexpected 5\nmeasured x\n"
        "type +/-\ntolerance 0.5\npass 0\nfail 1\n\n"
        "[final]\nexit-code 1\nexit-status FAIL\nmessage value: a b\n"
    )


def test_a_dat_that_cannot_be_written_is_a_warning_and_a_page_a_fault(tmp_path: Path) -> None:
    (tmp_path / "out.dat").mkdir()
    verdict, _ = judge_log(tmp_path)
    assert verdict.exit_code == 1
    assert [finding.severity for finding in verdict.findings] == ["warning"]
    with pytest.raises(EnvironmentFault, match=r"no/out\.html cannot be written: No such file"):
        judge_log(tmp_path, page="no/out.html")


def test_rules_that_cannot_be_used_are_said_everywhere(tmp_path: Path) -> None:
    verdict, written = judge_log(tmp_path, '(expect:error in logfile = 0 "E" 42)')
    assert (verdict.exit_code, verdict.status) == (1, "FAIL")
    assert written == b"Syntax error in your command file\n"
    assert "42 is no pattern" in read_page(tmp_path / "out.html").content
    assert (tmp_path / "out.dat").read_text() == (
        "[final]\nexit-code 1\nexit-status FAIL\nmessage error: r:1:34: expect:error: 42 is no pattern\n"
    )


def test_rules_that_the_original_refuses_leave_an_empty_dat_beside_a_page(tmp_path: Path) -> None:
    judge_log(tmp_path, "(frob)")
    assert (tmp_path / "out.dat").read_text() == ""
    outputs = Outputs(dat=tmp_path / "out.dat")
    run_logpro(RuleText(file="r", text="(frob)"), io.BytesIO(), today=TODAY, outputs=outputs)
    assert "message error: r:1:2: frob is not defined" in (tmp_path / "out.dat").read_text()


def test_the_explanation_says_of_each_rule_what_it_wanted_and_counted(tmp_path: Path) -> None:
    rules = RULES + '(trigger "never" #/nowhere/) (expect:required in logfile > 9 "many" #/./)'
    verdict, _ = judge_log(tmp_path, rules, b"start\nbad\nt=7\n" + b"x\n" * 7)
    assert explain(verdict) == (
        "trigger 'never' never fired (required: the log fails)\n"
        "rule-0 ignore 'known <b>' in LogFileBody: OK\n    at r:2:1\n    wants >= 0 lines, counted 0\n"
        "rule-1 error '100% bad & \"q\"' in LogFileBody: FAIL, asks for FAIL\n    at r:3:1\n"
        "    wants = 0 lines, counted 1\n    2: bad\n"
        "rule-2 value 'time' in LogFileBody: FAIL, asks for FAIL\n    at r:4:1\n"
        "    wants 5 +/- 0.5, measured 7 (0 right, 1 wrong)\n    3: t=7\n"
        "rule-3 required 'many' in LogFileBody: FAIL, asks for FAIL\n    at r:5:30\n"
        "    wants > 9 lines, counted 8\n"
        "    1: start\n    4: x\n    5: x\n    6: x\n    7: x\n    ... and 3 more\n"
        '10 lines: FAIL, exit 1 by error: 100% bad & "q"\n'
    )


def test_the_explanation_of_an_empty_log_that_passes_does_not_say_that_it_fails(tmp_path: Path) -> None:
    verdict, _ = judge_log(tmp_path, "", b"")
    assert explain(verdict) == (
        "trigger 'LogFileBodyStart' never fired (the log is empty)\n0 lines: PASS, exit 0\n"
    )


def test_what_a_rule_file_prints_goes_to_the_host(tmp_path: Path) -> None:
    printed: list[str] = []
    host = Host(write=printed.append)
    run_logpro(RuleText(file="r", text='(print "hello" 1)'), io.BytesIO(), today=TODAY, host=host)
    assert printed == ["hello1\n"]
