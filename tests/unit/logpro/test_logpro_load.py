"""Rule files: what they define, and every mistake with its place."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import pytest

from megatest.logpro.expiry import NoSuchDateError, parse_date
from megatest.logpro.host import Host
from megatest.logpro.load import RuleFileError, RulesExitError, RuleText, load_rules
from megatest.logpro.rule import Comparison, Count, Hook, Kind, Measure, RuleSet, Where
from megatest.scheme.value import Regexp

TODAY = datetime.date(2026, 3, 1)


def load(text: str, *, files: Mapping[str, str] | None = None, waivers: str | None = None) -> RuleSet:
    def read(name: str) -> bytes:
        if name not in (files or {}):
            raise FileNotFoundError(2, "No such file or directory", name)
        return (files or {})[name].encode()

    texts = [RuleText(file="r", text=text)]
    if waivers is not None:
        texts.insert(0, RuleText(file="w", text=waivers))
    return load_rules(texts, TODAY, Host(read_file=read, exists=lambda name: False))


def errors(text: str, files: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(RuleFileError) as caught:
        load(text, files=files)
    return [
        f"{d.location.line}:{d.location.column} {d.message}" for d in caught.value.diagnostics() if d.location
    ]


def warnings(text: str) -> list[str]:
    return [warning.message for warning in load(text).warnings]


def rule(arguments: str, form: str = "expect:error") -> str:
    return f"({form} {arguments})"


def test_a_rule_keeps_what_it_was_given() -> None:
    options = 'hook: "h" class: "c" type: \'check'
    text = f'(expect:warn not-in (list "A" "B" "A") >= 1/2 "n" (list #/a/i "b") {options})'
    (found,) = load(text).rules
    assert (found.kind, found.where, found.sections, found.name) == (
        Kind.CHECK,
        Where.NOT_IN,
        ("A", "B"),
        "n",
    )
    assert found.patterns == (Regexp(source="a", ignore_case=True), Regexp(source="b"))
    assert found.test == Count(comparison=Comparison.AT_LEAST, expected=0.5)
    assert (found.hook, found.css_class, str(found.location)) == ("h", "c", "r:1:1")


def test_a_value_rule_keeps_its_tolerance_or_comparison_and_its_group() -> None:
    text = '(expect:value in "L" 5 0.1 "a" #/x/) (expect:value in "L" 5 <= "b" #/x/ match: 0)'
    first, second = load(text).rules
    assert first.test == Measure(expected=5, tolerance=0.1, group=1)
    assert second.test == Measure(expected=5, comparison=Comparison.AT_MOST, group=0)


def test_triggers_sections_and_hooks_are_kept_in_order() -> None:
    rules = load(
        '(trigger "T" #/a/ "b") (trigger-with-limit "U" 2.5 #/c/) (trigger:non-required "V" (list "d" "e"))\n'
        '(section "S" "T" "U") (hook:add "h" "echo" one-time: #t)'
    )
    assert [(t.name, len(t.patterns), t.limit, t.is_required) for t in rules.triggers] == [
        ("LogFileBodyStart", 0, 1, True),
        ("T", 2, 1, True),
        ("U", 1, 2.5, True),
        ("V", 2, 1, False),
    ]
    assert [(s.name, s.start, s.end) for s in rules.sections] == [
        ("LogFileBody", "LogFileBodyStart", "LogFileBodyEnd"),
        ("S", "T", "U"),
    ]
    assert rules.hooks == {"h": Hook(name="h", text="echo", one_time=True)}


def test_waivers_have_the_first_numbers_and_a_dropped_rule_keeps_its_own() -> None:
    expired = rule('in "L" = 0 "old" #/x/ expires: "02/28/2026"')
    rules = load(expired + rule('in "L" = 0 "new" #/x/'), waivers=rule('in "L" = 0 "w" #/x/', "expect:waive"))
    assert [(r.number, r.name) for r in rules.rules] == [(0, "w"), (2, "new")]


@pytest.mark.parametrize(
    ("expires", "kept"),
    [
        ('"03/01/2026"', False),
        ('"03/02/2026"', True),
        ('"3/2/26"', True),
        ('"2/2/26"', False),
        ('"01/02/33"', True),
        ('"12/31/1960"', False),
        ('"2033-01-02"', True),
        ('" 01/02/2003"', True),
        ('""', True),
        ("#f", True),
    ],
)
def test_a_rule_expires_on_its_day(expires: str, kept: bool) -> None:
    assert bool(load(rule(f'in "L" = 0 "E" #/x/ expires: {expires}')).rules) is kept


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("01/02/2033", (2033, 1, 2)),
        ("1/2/3", (2003, 1, 2)),
        ("12/31/99", (2099, 12, 31)),
        ("1/2/0150", (150, 1, 2)),
    ],
)
def test_dates_have_the_month_first(text: str, date: tuple[int, int, int]) -> None:
    assert parse_date(text) == datetime.date(*date)


@pytest.mark.parametrize("text", ["02/30/2033", "13/01/2033", "0/0/0", "01/01/99999", "9" * 5000 + "/1/1"])
def test_a_day_that_does_not_exist_is_an_error(text: str) -> None:
    with pytest.raises(NoSuchDateError):
        parse_date(text)


def test_a_program_may_define_rules_in_loops_functions_and_loaded_files() -> None:
    rules = load(
        '(load "lib") (for-each (lambda (n) (forbid n (regexp (conc "k" n)))) \'("1" "2"))\n'
        '(for-each (lambda (args) (apply expect:required in logfile args)) (list (list > 0 "a" #/aa/)))',
        files={"lib.scm": '(define (forbid n p) (expect:error in "LogFileBody" = 0 n p))'},
    )
    assert [r.name for r in rules.rules] == ["1", "2", "a"]
    assert str(rules.rules[0].location) == "lib.scm:1:22"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('(expct:error in "L" = 0 "E" #/x/)', "1:2 expct:error is not defined"),
        (rule('in "L" = 0 "E"'), '1:1 expect:error wants WHERE SECTION COMPARISON COUNT "NAME" PATTERN'),
        (
            rule('in "L" 5 "1" "V" #/x/', "expect:value"),
            '1:1 expect:value: the tolerance is neither a number nor a comparison: "1"',
        ),
        (
            rule('in "L" = 0 "E" #/a(b/'),
            "1:33 the regular expression cannot be read: this group is never closed",
        ),
        (
            rule('in "L" = 0 "E" #/(?<=a+)b/'),
            "1:32 the regular expression cannot be read: look-behind requires fixed-width pattern",
        ),
        (rule('in "L" = 0 "E" #/x/ expires: 7'), "1:1 expect:error: the date of expiry is not a string: 7"),
        (rule('in "L" = 0 "E" #/x/ expires: "13/01/2033"'), "1:1 expect:error: there is no day 13/01/2033"),
        ('(section "S" "T")', '1:1 section wants "NAME" "START-TRIGGER" "END-TRIGGER"'),
        ("(trigger)", '1:1 trigger wants "NAME" PATTERN...'),
        ('(hook:first-error "x")', "1:2 hook:first-error is not defined"),
        ('(load "no")', "1:1 load: no: No such file or directory"),
        ('(error "boom")', "1:1 boom"),
        ("(exit 'now)", "1:1 exit: not a number: now"),
        ("(exit 1 2)", "1:1 exit takes one exit status, not 2"),
        ('(setenv "A=B" "c")', '1:1 setenv: "A=B" cannot be the name of a variable'),
        ('(setenv "A" "\\x00")', "1:1 setenv: no variable has a NUL in it"),
        ('(unsetenv "")', '1:1 unsetenv: "" cannot be the name of a variable'),
    ],
)
def test_what_the_original_refused_is_refused(text: str, expected: str) -> None:
    assert errors(text) == [expected]
    with pytest.raises(RuleFileError) as caught:
        load(text)
    assert caught.value.refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rule('in "L" "=" 0 "E" #/x/'), '1:22 expect:error: "=" is no comparison'),
        (rule('in "L" eq? 0 "E" #/x/'), "1:22 expect:error: #<procedure> is no comparison"),
        (rule('in "L" = "0" "E" #/x/'), '1:24 expect:error: the count is not a number: "0"'),
        (
            rule('\'outside "L" = 0 "E" #/x/'),
            "1:15 expect:error: outside is none of in, not-in, before, after",
        ),
        (rule('"in" "L" = 0 "E" #/x/'), '1:15 expect:error: "in" is none of in, not-in, before, after'),
        (rule('in \'L = 0 "E" #/x/'), "1:18 expect:error: the section is not a string: L"),
        (rule('in "L" = 0 "E" 42'), "1:30 expect:error: 42 is no pattern"),
        (
            rule('in "L" = 0 "E" \'(#/a/ #/b/)'),
            "1:30 expect:error: a quoted regular expression is no pattern",
        ),
        (rule('in "L" = 0 "E" (list (list #/a/) #/b/)'), "1:30 expect:error: a list is no pattern"),
        (
            rule('in "L" = 0 "E" "a(b"'),
            "1:30 expect:error: the pattern cannot be read: this group is never closed",
        ),
        (
            rule('in "L" = 0 "E" #/x/ #/y/'),
            "1:35 expect:error: only one pattern can stand here; several are written (list PATTERN...)",
        ),
        (rule('in "L" = 0 "E" #/x/ frob: 1'), "1:35 expect:error: unknown keyword frob:"),
        (rule('in "L" = 0 "E" #/x/ hook:'), "1:35 expect:error: hook: has no value"),
        (rule('in "L" = 0 "E" #/x/ hook: 1'), "1:41 expect:error: hook: wants a string, not 1"),
        (rule('in "L" = 0 "E" #/x/ type: \'frob'), "1:41 expect:error: unknown type frob"),
        (rule('in "L" = 0 "E" #/x/ expires: "02/30/2033"'), "1:44 expect:error: there is no day 02/30/2033"),
        (rule('in "L" "5" 1 "V" #/x/', "expect:value"), '1:22 expect:value: the value is not a number: "5"'),
        (
            rule('in "L" 5 1 "V" #/x/ matchnum: "1"', "expect:value"),
            '1:45 expect:value: matchnum: wants the number of a group, not "1"',
        ),
        (
            rule('in "L" 5 1 "V" #/x/ type: \'warning', "expect:value"),
            "1:41 expect:value: a value rule is of type 'value, not warning",
        ),
        ("(trigger 'T #/x/)", "1:10 trigger: the name is not a string: T"),
        ('(trigger "T")', "1:10 trigger: a trigger without a pattern never fires"),
        ('(trigger "T" (list #/a/ #/b/))', "1:14 trigger: a list is no pattern here"),
        ('(trigger-with-limit "T" "2" #/a/)', '1:25 trigger-with-limit: the limit is not a number: "2"'),
        ('(section "S" "T" \'U)', "1:18 section: a name is not a string: U"),
        ('(hook:add "h" 5)', "1:15 hook:add: the shell text is not a string: 5"),
        (rule('in "L" = 0 "E" #/x'), "1:30 this regular expression is never closed"),
    ],
)
def test_what_the_original_passed_over_or_died_of_is_an_error_with_its_place(
    text: str, expected: str
) -> None:
    assert expected in errors(text)
    with pytest.raises(RuleFileError) as caught:
        load(text)
    assert not caught.value.refused


def test_every_error_of_a_file_is_reported_not_only_the_first() -> None:
    text = "(frob)\n" + rule('in "L" = 0 "E" 42') + "\n" + rule('in "L" "=" x "E" "a("')
    assert [line.split(" ")[0] for line in errors(text)] == ["1:2", "3:26", "2:30"]


def test_a_name_of_the_wrong_kind_is_complained_about_but_the_rule_runs() -> None:
    rules = load(rule('in "L" = 0 42 #/x/'))
    assert [r.name for r in rules.rules] == ["42"]
    assert [c.message for c in rules.complaints] == ["expect:error: the name is not a string: 42"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rule('in "Nope" = 0 "E" #/x/'), "rule 'E' never counts in 'Nope', which is no section"),
        (rule('in \'() = 0 "E" #/x/'), "expect:error: a rule in no section is dropped"),
        ('(section "S" "T" "U")', "section 'S' never starts: there is no trigger 'T'"),
        (rule('in "LogFileBody" = 0 "E" #/x/ hook: "h"'), "rule 'E' has a hook 'h', which is not defined"),
        (
            rule('in "LogFileBody" 5 1 "V" #/x/', "expect:value"),
            "rule 'V' takes its value from group 1, which #/x/ lacks",
        ),
        (rule('in "LogFileBody" = 0 "E" #/x/ expires: "tomorrow"'), "expect:error: 'tomorrow' is no date"),
        (
            rule('in "LogFileBody" 5 1 "V" #/(x)/ expires: "01/01/2001"', "expect:value"),
            "expect:value: a value rule never expires",
        ),
        (
            '(hook:add "a" "true") ' + rule('in "LogFileBody" = 0 "E" #/x/ hook: "a" hook: "b"'),
            "expect:error: hook: is given twice",
        ),
    ],
)
def test_what_is_probably_not_meant_brings_a_warning(text: str, expected: str) -> None:
    assert warnings(text) == [expected]


def test_of_a_keyword_given_twice_the_first_counts_and_a_value_rule_may_say_its_type() -> None:
    (error,) = load(rule('in "LogFileBody" = 0 "E" #/x/ class: "a" class: "b"')).rules
    assert error.css_class == "a"
    (value,) = load(rule('in "LogFileBody" 5 1 "V" #/(x)/ type: \'value', "expect:value")).rules
    assert value.kind is Kind.VALUE


@pytest.mark.parametrize(("text", "code"), [("(exit 9)", 9), ("(exit)", 0), ("(exit 256)", 0)])
def test_exit_ends_the_rules_where_it_is_called(text: str, code: int) -> None:
    with pytest.raises(RulesExitError) as caught:
        load("(if #t\n" + text + ") (frob)")
    assert caught.value.code == code
    assert str(caught.value.finding.location) == "r:2:1"


def test_what_was_wrong_before_exit_is_reported_and_not_passed_over() -> None:
    assert errors(rule('in "LogFileBody" = 0 "E" 42') + " (exit 0)") == [
        "1:40 expect:error: 42 is no pattern"
    ]


def test_a_variable_that_the_rules_set_is_seen_by_what_follows() -> None:
    rules = '(setenv "LEVEL" "3") (unsetenv "GONE") (expect:error in logfile = 0 {} #/x/)'
    name = '(conc (getenv "LEVEL") (getenv "GONE"))'
    texts = [RuleText(file="r", text=rules.replace("{}", name))]
    assert [r.name for r in load_rules(texts, TODAY, Host(environ={"GONE": "1"})).rules] == ["3#f"]


def test_a_file_that_may_be_missing_can_be_loaded_under_a_handler() -> None:
    files = {"there": '(expect:note in logfile >= 0 "loaded" #/x/)'}
    attempt = "(condition-case (load {}) ((exn i/o file) (expect:note in logfile >= 0 {} #/x/)))"
    text = attempt.format('"there"', '"none"') + attempt.format('"missing"', '"instead"')
    assert [r.name for r in load(text, files=files).rules] == ["loaded", "instead"]


def test_a_file_that_loads_itself_is_stopped() -> None:
    assert errors('(load "a")', {"a": '(load "a")'}) == ["1:1 load: more than 1000 files"]


def test_only_what_the_host_gives_can_be_reached() -> None:
    assert load('(if (file-exists? "/etc/passwd") (frob))').rules == ()
    assert load('(if (get-environment-variable "HOME") (frob))').rules == ()
    assert errors('(system "true")') == ["1:2 system is not defined"]
    assert (
        load_rules([RuleText(file="r", text='(system "true")')], TODAY, Host(run_shell=lambda line: 0)).rules
        == ()
    )
