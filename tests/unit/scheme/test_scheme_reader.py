"""The reader: text to forms with places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatest.scheme.fault import SchemeError
from megatest.scheme.form import AtomForm, ListForm, Source
from megatest.scheme.number import format_number, parse_number
from megatest.scheme.quotation import datum_from
from megatest.scheme.reader import read_all, read_source
from megatest.scheme.value import Char, Keyword, Regexp, Symbol, Value, to_written


def atoms(text: str) -> list[Value]:
    return [form.value if isinstance(form, AtomForm) else form.text for form in read_all(text, "f")]


def written(text: str) -> str:
    (form,) = read_all(text, "f")
    return to_written(datum_from(form))


def messages(text: str) -> list[str]:
    with pytest.raises(SchemeError) as caught:
        read_all(text, "f")
    return [
        f"{d.location.line}:{d.location.column} {d.message}" for d in caught.value.diagnostics() if d.location
    ]


def test_atoms_of_every_kind_are_read() -> None:
    assert atoms('a "s" 12 -1.5 1e9 1/2 #xff #t #f k: #:k #\\a #\\space #\\x41 |a b|') == [
        Symbol("a"),
        "s",
        12,
        -1.5,
        1e9,
        0.5,
        255,
        True,
        False,
        Keyword("k"),
        Keyword("k"),
        Char("a"),
        Char(" "),
        Char("A"),
        Symbol("a b"),
    ]


def test_escapes_in_strings_are_resolved_and_an_unknown_one_loses_its_backslash() -> None:
    assert atoms(r'"a\n\t\"\\\x41\u00e9\d"') == ['a\n\t"\\A\u00e9d']


def test_a_regular_expression_keeps_its_backslashes_and_has_its_flags_in_any_order() -> None:
    assert atoms(r"#/a\/b\d/ui #r(x(y)i #r<a\>b>") == [
        Regexp(source=r"a\/b\d", ignore_case=True, utf8=True),
        Regexp(source="x(y", ignore_case=True),
        Regexp(source=r"a\>b"),
    ]


def test_comments_of_every_kind_are_skipped() -> None:
    assert atoms("#!/usr/bin/env x\n1 ; two\n#| 3 #| 4 |# |# 5 #;(6 7) #;#;8 9 10") == [1, 5, 10]


def test_lists_may_use_any_brackets_and_end_in_a_dotted_tail() -> None:
    assert written("(a [b {c}] . d)") == "(a (b (c)) . d)"
    assert written("#(1 (2) #(3))") == "#(1 (2) #(3))"
    assert written("'(a `b ,c ,@d)") == "(quote (a (quasiquote b) (unquote c) (unquote-splicing d)))"


def test_a_form_knows_where_it_stands() -> None:
    (form,) = read_all("\n\n  (a\n   bc)", "dir/f.logpro")
    assert isinstance(form, ListForm)
    assert str(form.location) == "dir/f.logpro:3:3"
    assert str(form.items[1].location) == "dir/f.logpro:4:4"
    assert form.items[1].text == "bc"


def test_text_inside_a_line_of_another_file_has_that_files_places() -> None:
    (form,) = read_all("(a)", "testconfig", line=7, column=11, line_text="x #{scheme (a)}")
    finding = form.finding("no")
    assert str(finding.location) == "testconfig:7:11"
    assert finding.render().splitlines()[1:] == ["    x #{scheme (a)}", "              ^~~"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(a (b)", ["1:1 this list is never closed"]),
        ("a)", ["1:2 this ')' closes nothing"]),
        ("(a]", ["1:3 ']' closes the list of line 1, which wants ')'"]),
        ('x "abc', ["1:3 this string is never closed"]),
        ("#/abc", ["1:1 this regular expression is never closed"]),
        ("#r<abc", ["1:1 this regular expression is never closed"]),
        ("#/x/g", ["1:5 unknown flag 'g' of a regular expression"]),
        ("#/x/ixui", ["1:8 unknown flag 'i' of a regular expression"]),
        ("#| x", ["1:1 this comment is never closed"]),
        ("(a .)", ["1:5 nothing follows the dot"]),
        ("(. a)", ["1:2 a dot cannot stand here"]),
        ("(a . b c)", ["1:8 only one form may follow a dot"]),
        ("'", ["1:1 nothing follows this prefix"]),
        ("(')", ["1:2 nothing follows this prefix"]),
        ("#<x> #\\foo", ["1:1 '#<x>' cannot be read", "1:6 unknown character name 'foo'"]),
        ("\ufeff(a)", ["1:1 the text begins with a byte order mark"]),
    ],
)
def test_every_mistake_is_reported_at_its_place(text: str, expected: list[str]) -> None:
    assert messages(text) == expected


def test_a_text_full_of_mistakes_gives_a_bounded_number_of_findings() -> None:
    assert len(messages(")" * 60_000)) == 20


@pytest.mark.parametrize(
    "text", ["(" * 50_000 + ")" * 50_000, "'" * 50_000 + "a", "(a " * 50_000 + ")" * 50_000]
)
def test_fifty_thousand_levels_are_read_and_printed(text: str) -> None:
    assert len(written(text)) >= 100_000


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+5", 5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("1E+11", 1e11),
        ("007", 7),
        ("#xff", 255),
        ("#b1", 1),
        ("#d5", 5),
        ("#i5", 5.0),
        ("1/2", 0.5),
        ("4/2", 2.0),
        ("1d2", 100.0),
        ("1f2", 100.0),
        ("12#", 120.0),
        ("1/0", float("inf")),
        ("9" * 350 + "/3", float("inf")),
        ("-inf.0", float("-inf")),
        ("100000000000000000000", 1e20),
        ("1152921504606846975", 1152921504606846975),
    ],
)
def test_text_that_is_a_number(text: str, number: float) -> None:
    assert parse_number(text) == number
    assert type(parse_number(text)) is type(number)


@pytest.mark.parametrize(
    "text",
    [
        "0xff",
        "1,000",
        "1_000",
        "5s",
        "50%",
        "5 ",
        "",
        "5+0i",
        "#e1.5",
        "inf",
        "nan",
        "1e400",
        "1.2.3",
        "9" * 350,
        "-" + "9" * 350,
        "#x" + "f" * 350,
        "9" * 500,
        "٣",
    ],
)
def test_text_that_is_no_number(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (5, "5"),
        (5.0, "5.0"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333333333333"),
        (112000000000.0, "112000000000.0"),
        (1e20, "1e+20"),
        (1e-7, "1e-07"),
        (float("inf"), "+inf.0"),
        (float("-inf"), "-inf.0"),
        (float("nan"), "+nan.0"),
    ],
)
def test_numbers_print_with_fifteen_digits(number: float, text: str) -> None:
    assert format_number(number) == text


@given(st.text(alphabet="()[]{}'`,@\"#/\\|;.:!ri xa0\n", max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    forms, findings = read_source(Source(file="f", text=text))
    assert all(finding.render() for finding in findings)
    assert all(0 <= form.start < form.end <= len(text) for form in forms)


@given(
    st.recursive(
        st.integers(-99, 99) | st.text(max_size=3) | st.booleans(), lambda x: st.lists(x, max_size=4)
    )
)
def test_what_is_written_reads_back_the_same(data: object) -> None:
    def text_of(value: object) -> str:
        if isinstance(value, list):
            return "(" + " ".join(map(text_of, value)) + ")"
        return to_written(value)

    assert written(text_of(data)) == text_of(data)
