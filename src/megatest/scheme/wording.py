"""Procedures on strings, characters and symbols, and those that search with regular expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from megatest.scheme.argument import index_of, joined, list_of, symbol_of, text_of
from megatest.scheme.fault import SchemeFault
from megatest.scheme.matcher import Matcher, Span, matcher_for
from megatest.scheme.procedure import Call, Steps
from megatest.scheme.value import (
    SIZE_LIMIT,
    UNSPECIFIED,
    Char,
    Keyword,
    Pair,
    Regexp,
    Symbol,
    Value,
    brief,
    is_true,
    list_from,
    to_text,
    to_written,
)

_BLANK: Final = Char(" ")
_DIRECTIVE: Final = re.compile(r"~(.)", re.DOTALL)
_BACK_REFERENCE: Final = re.compile(r"\\(\d|\\)")


def _character(value: Value, who: str) -> str:
    if isinstance(value, Char):
        return value.text
    raise SchemeFault(f"{who}: not a character: {brief(value)}")


def _comparison(name: str, test: Callable[[str, str], bool], fold: bool = False) -> Callable[..., Value]:
    def compare(*values: Value) -> Value:
        texts = [text_of(value, name) for value in values]
        folded = [text.casefold() for text in texts] if fold else texts
        return all(test(a, b) for a, b in pairwise(folded))

    return compare


def conc(*values: Value) -> Value:
    """``conc``: all values as ``display`` prints them, in one string."""
    return joined((to_text(value) for value in values), "conc")


def _string_append(*values: Value) -> Value:
    return joined((text_of(value, "string-append") for value in values), "string-append")


def _substring(text: Value, start: Value, end: Value = None) -> Value:
    whole = text_of(text, "substring")
    stop = len(whole) if end is None else index_of(end, len(whole), "substring")
    return whole[index_of(start, stop, "substring") : stop]


def _string_split(text: Value, delimiters: Value = " \t\n", keep_empty: Value = False) -> Value:
    who = "string-split"
    parts = re.split(f"[{re.escape(text_of(delimiters, who))}]", text_of(text, who)) if delimiters else [text]
    return list_from(parts if is_true(keep_empty) else [part for part in parts if part])


def _string_intersperse(items: Value, separator: Value = " ") -> Value:
    who = "string-intersperse"
    gap = text_of(separator, who)
    return joined(_interspersed([text_of(item, who) for item in list_of(items, who)], gap), who)


def _interspersed(texts: list[str], gap: str) -> Iterator[str]:
    for index, text in enumerate(texts):
        if index:
            yield gap
        yield text


def _padding(name: str, *, left: bool) -> Callable[..., Value]:
    def pad(text: Value, width: Value, filler: Value = _BLANK) -> Value:
        whole = text_of(text, name)
        size = index_of(width, SIZE_LIMIT, name)
        if left:
            return whole.rjust(size, _character(filler, name))[
                len(whole) - size if len(whole) > size else 0 :
            ]
        return whole.ljust(size, _character(filler, name))[:size]

    return pad


def _trim(name: str, strip: Callable[[str], str]) -> Callable[[Value], Value]:
    return lambda text: strip(text_of(text, name))


def _string_ref(text: Value, index: Value) -> Value:
    whole = text_of(text, "string-ref")
    if not whole:
        raise SchemeFault("string-ref: the string is empty")
    return Char(whole[index_of(index, len(whole) - 1, "string-ref")])


def _substring_index(wanted: Value, text: Value, start: Value = 0) -> Value:
    who = "substring-index"
    whole = text_of(text, who)
    found = whole.find(text_of(wanted, who), index_of(start, len(whole), who))
    return False if found < 0 else found


def _string_index(text: Value, wanted: Value) -> Value:
    found = text_of(text, "string-index").find(_character(wanted, "string-index"))
    return False if found < 0 else found


def _make_string(count: Value, filler: Value = _BLANK) -> Value:
    return _character(filler, "make-string") * index_of(count, SIZE_LIMIT, "make-string")


def _string_translate(text: Value, old: Value, new: Value = None) -> Value:
    """Replace each character of `old` by that of `new` in its place, or all by one; without it drop them."""
    who = "string-translate"
    whole, source = text_of(text, who), _characters(old, who)
    target = "" if new is None else _characters(new, who)
    if isinstance(new, Char):
        target *= len(source)
    table: dict[int, str] = {}
    for index, char in enumerate(source):
        table.setdefault(ord(char), target[index : index + 1])
    if new is not None and any(table.get(ord(char)) == "" for char in whole):
        raise SchemeFault(f"{who}: {brief(new)} has fewer characters than {brief(old)}")
    return whole.translate(table)


def _characters(value: Value, who: str) -> str:
    """Return a string, a character or a list of them as a string."""
    if isinstance(value, str):
        return value
    if isinstance(value, Char):
        return value.text
    return "".join(_character(char, who) for char in list_of(value, who))


def _string_translate_star(text: Value, pairs: Value) -> Value:
    """Replace the first text of each pair by the second; where several fit, the first pair counts."""
    who = "string-translate*"
    replacements: dict[str, str] = {}
    for pair in list_of(pairs, who):
        if not isinstance(pair, Pair) or pair.head == "":
            raise SchemeFault(f"{who}: not a pair of texts: {brief(pair)}")
        replacements.setdefault(text_of(pair.head, who), text_of(pair.tail, who))
    whole = text_of(text, who)
    if not replacements:
        return whole
    found = re.finditer("|".join(map(re.escape, replacements)), whole)

    def parts() -> Iterator[str]:
        end = 0
        for match in found:
            yield whole[end : match.start()]
            yield replacements[match[0]]
            end = match.end()
        yield whole[end:]

    return joined(parts(), who)


def _string_for_each(procedure: Value, text: Value) -> Steps:
    for char in text_of(text, "string-for-each"):
        yield Call(procedure, (Char(char),))
    return UNSPECIFIED


def _string_map(procedure: Value, text: Value) -> Steps:
    chars = ""
    for char in text_of(text, "string-map"):
        chars += _character((yield Call(procedure, (Char(char),))), "string-map")
    return chars


def _cutting(name: str, cut: Callable[[str, int], str]) -> Callable[[Value, Value], Value]:
    def take_or_drop(text: Value, count: Value) -> Value:
        whole = text_of(text, name)
        return cut(whole, index_of(count, len(whole), name))

    return take_or_drop


def _char_test(name: str, test: Callable[[str], bool]) -> Callable[[Value], Value]:
    return lambda char: test(_character(char, name))


def _char_comparison(name: str, test: Callable[[str, str], bool]) -> Callable[..., Value]:
    return lambda *chars: all(test(a, b) for a, b in pairwise(_character(char, name) for char in chars))


def filled(who: str, template: Value, *arguments: Value) -> str:
    """Fill in ``~A`` (as displayed), ``~S`` (as written), ``~%`` and ``~~``, on behalf of a procedure."""
    text, rest = text_of(template, who), list(arguments)

    def fill(match: re.Match[str]) -> str:
        letter = match[1].lower()
        if letter in "%n":
            return "\n"
        if letter == "~":
            return "~"
        if letter not in "asd" or not rest:
            raise SchemeFault(f"{who}: {match[0]} is unknown or has no argument")
        value = rest.pop(0)
        return to_written(value) if letter == "s" else to_text(value)

    return joined([_DIRECTIVE.sub(fill, text)], who)


def regexp(source: Value, ignore_case: Value = False, extended: Value = False, utf8: Value = False) -> Value:
    """``regexp``: a pattern of a string and flags; checked at once."""
    result = Regexp(
        source=text_of(source, "regexp"),
        ignore_case=is_true(ignore_case),
        extended=is_true(extended),
        utf8=is_true(utf8),
    )
    matcher_for(result)
    return result


def _matcher(pattern: Value, who: str) -> Matcher:
    if isinstance(pattern, Regexp):
        return matcher_for(pattern)
    return matcher_for(Regexp(source=text_of(pattern, who)))


def _groups(text: str, spans: tuple[Span, ...] | None) -> Value:
    if spans is None:
        return False
    return list_from(text[start:end] if start >= 0 else False for start, end in spans)


def _string_match(pattern: Value, text: Value) -> Value:
    whole = text_of(text, "string-match")
    return _groups(whole, _matcher(pattern, "string-match").match_whole(whole))


def _string_search(pattern: Value, text: Value, start: Value = 0) -> Value:
    whole = text_of(text, "string-search")
    begin = index_of(start, len(whole), "string-search")
    return _groups(whole, _matcher(pattern, "string-search").search(whole, begin))


def _string_substitute(pattern: Value, replacement: Value, text: Value, which: Value = 1) -> Value:
    """Replace the first match, the n-th, or (``#t``) all; ``\\\\1`` in the replacement is a group."""
    who = "string-substitute"
    whole, template = text_of(text, who), text_of(replacement, who)
    wanted = 0 if isinstance(which, bool) and which else index_of(which, 1 << 32, who)

    def parts() -> Iterator[str]:
        end = 0
        for number, spans in enumerate(_matcher(pattern, who).matches(whole), 1):
            if wanted in (0, number):
                yield whole[end : spans[0][0]]
                yield _expanded(template, whole, spans)
                end = spans[0][1]
        yield whole[end:]

    return joined(parts(), who)


def _string_substitute_star(text: Value, pairs: Value) -> Value:
    """Replace what matches the pattern of each pair, one pair after the other."""
    for pair in list_of(pairs, "string-substitute*"):
        if not isinstance(pair, Pair):
            raise SchemeFault(f"string-substitute*: not a pair: {brief(pair)}")
        text = _string_substitute(pair.head, pair.tail, text, True)
    return text_of(text, "string-substitute*")


def _expanded(template: str, text: str, spans: tuple[Span, ...]) -> str:
    def group(match: re.Match[str]) -> str:
        if match[1] == "\\":
            return "\\"
        start, end = spans[int(match[1])] if int(match[1]) < len(spans) else (-1, -1)
        return text[start:end] if start >= 0 else ""

    return _BACK_REFERENCE.sub(group, template)


def _regexp_escape(text: Value) -> Value:
    return re.sub(r"([^0-9A-Za-z_\s])", r"\\\1", text_of(text, "regexp-escape"))


PROCEDURES: Final[Mapping[str, Callable[..., Value]]] = {
    "conc": conc,
    "string-append": _string_append,
    "string-length": lambda text: len(text_of(text, "string-length")),
    "string-ref": _string_ref,
    "substring": _substring,
    "substring-index": _substring_index,
    "string-index": _string_index,
    "string-upcase": lambda text: text_of(text, "string-upcase").upper(),
    "string-downcase": lambda text: text_of(text, "string-downcase").lower(),
    "string-reverse": lambda text: text_of(text, "string-reverse")[::-1],
    "string-pad-left": _padding("string-pad-left", left=True),
    "string-pad-right": _padding("string-pad-right", left=False),
    "string-pad": _padding("string-pad", left=True),
    "string-trim": _trim("string-trim", str.lstrip),
    "string-trim-right": _trim("string-trim-right", str.rstrip),
    "string-trim-both": _trim("string-trim-both", str.strip),
    "string-chomp": _trim("string-chomp", lambda text: text.removesuffix("\n")),
    "string-null?": lambda text: text_of(text, "string-null?") == "",
    "string-prefix?": lambda a, b: text_of(b, "string-prefix?").startswith(text_of(a, "string-prefix?")),
    "string-suffix?": lambda a, b: text_of(b, "string-suffix?").endswith(text_of(a, "string-suffix?")),
    "string-contains": lambda text, wanted: _substring_index(wanted, text),
    "string-translate": _string_translate,
    "string-translate*": _string_translate_star,
    "string-take": _cutting("string-take", lambda text, count: text[:count]),
    "string-drop": _cutting("string-drop", lambda text, count: text[count:]),
    "string-take-right": _cutting("string-take-right", lambda text, count: text[len(text) - count :]),
    "string-drop-right": _cutting("string-drop-right", lambda text, count: text[: len(text) - count]),
    "string-for-each": _string_for_each,
    "string-map": _string_map,
    "string-concatenate": lambda items: _string_append(*list_of(items, "string-concatenate")),
    "string-split": _string_split,
    "string-intersperse": _string_intersperse,
    "string-join": _string_intersperse,
    "string=?": _comparison("string=?", str.__eq__),
    "string<?": _comparison("string<?", str.__lt__),
    "string>?": _comparison("string>?", str.__gt__),
    "string<=?": _comparison("string<=?", str.__le__),
    "string>=?": _comparison("string>=?", str.__ge__),
    "string-ci=?": _comparison("string-ci=?", str.__eq__, fold=True),
    "make-string": _make_string,
    "string": lambda *chars: joined((_character(c, "string") for c in chars), "string"),
    "string->list": lambda text: list_from(Char(c) for c in text_of(text, "string->list")),
    "list->string": lambda items: joined(
        (_character(c, "list->string") for c in list_of(items, "list->string")), "list->string"
    ),
    "->string": conc,
    "string->symbol": lambda text: Symbol(text_of(text, "string->symbol")),
    "symbol->string": lambda symbol: symbol_of(symbol, "symbol->string").name,
    "string?": lambda value: isinstance(value, str),
    "symbol?": lambda value: isinstance(value, Symbol),
    "keyword?": lambda value: isinstance(value, Keyword),
    "char?": lambda value: isinstance(value, Char),
    "char->integer": lambda char: ord(_character(char, "char->integer")),
    "integer->char": lambda code: Char(chr(index_of(code, 0xD7FF, "integer->char"))),
    "sprintf": lambda template, *rest: filled("sprintf", template, *rest),
    "char-upcase": lambda char: Char(_character(char, "char-upcase").upper()[0]),
    "char-downcase": lambda char: Char(_character(char, "char-downcase").lower()[0]),
    "char-alphabetic?": _char_test("char-alphabetic?", str.isalpha),
    "char-numeric?": _char_test("char-numeric?", str.isdecimal),
    "char-whitespace?": _char_test("char-whitespace?", str.isspace),
    "char=?": _char_comparison("char=?", str.__eq__),
    "char<?": _char_comparison("char<?", str.__lt__),
    "char>?": _char_comparison("char>?", str.__gt__),
    "regexp": regexp,
    "regexp?": lambda value: isinstance(value, Regexp),
    "regexp-escape": _regexp_escape,
    "string-match": _string_match,
    "string-search": _string_search,
    "string-substitute": _string_substitute,
    "string-substitute*": _string_substitute_star,
}
