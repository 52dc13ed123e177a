"""The evaluator: forms, procedures, limits, and what a host may add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatest.scheme.evaluate import Interpreter
from megatest.scheme.fault import SchemeError, SchemeFault
from megatest.scheme.library import standard_names
from megatest.scheme.procedure import CallSite, PlacedProcedure, Procedure
from megatest.scheme.reader import read_all
from megatest.scheme.value import NIL, UNSPECIFIED, Char, Regexp, Symbol, Value, list_from


def show(text: str, **bindings: Callable[..., Value]) -> str:
    return Interpreter(bindings).run_to_text(read_all(text, "f"))


def complaint(text: str, step_limit: int = 500_000) -> str:
    with pytest.raises(SchemeError) as caught:
        Interpreter(step_limit=step_limit).run_to_text(read_all(text, "f"))
    (finding,) = caught.value.diagnostics()
    assert finding.location is not None
    return f"{finding.location.line}:{finding.location.column} {finding.message}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(if #f 1)", "#<unspecified>"),
        ("(if '() 1 2)", "1"),
        ("(and) (or)", "#f"),
        ("(and 1 #f 2)", "#f"),
        ("(or #f 2)", "2"),
        ("(cond (#f 1) ((assv 2 '((1 . a) (2 . b))) => cdr) (else 3))", "b"),
        ("(cond (7))", "7"),
        ("(case (* 2 3) ((2 3 5 7) 'prime) ((1 4 6 8 9) 'composite))", "composite"),
        ("(when #t 1 2)", "2"),
        ("(unless #t 1)", "#<unspecified>"),
        ("(let ((a 1) (b 2)) (+ a b))", "3"),
        ("(let* ((a 1) (b (+ a 1))) (list a b))", "(1 2)"),
        (
            (
                "(letrec ((e? (lambda (n) (or (= n 0) (o? (- n 1)))))"
                "         (o? (lambda (n) (and (> n 0) (e? (- n 1))))))"
                "  (e? 10))"
            ),
            "#t",
        ),
        ("(let loop ((n 1) (acc '())) (if (< n 6) (loop (+ n 1) (cons n acc)) acc))", "(5 4 3 2 1)"),
        ("(do ((i 0 (+ i 1)) (a '() (cons i a))) ((= i 3) a))", "(2 1 0)"),
        ("(define x 1) (set! x (+ x 1)) x", "2"),
        ("(define (f a . rest) (list a rest)) (f 1 2 3)", "(1 (2 3))"),
        ("(define (f a #!optional (b 5)) (list a b)) (list (f 1) (f 1 2))", "((1 5) (1 2))"),
        ("(define (f p #!key (n 0)) (list p n)) (list (f 1) (f 1 n: 2 n: 3))", "((1 0) (1 2))"),
        ("((lambda all all) 1 2)", "(1 2)"),
        ("(begin (define y 3) y)", "3"),
        ("`(1 ,(+ 1 1) ,@(list 3 4) #(a ,(+ 2 3)) . 6)", "(1 2 3 4 #(a 5) . 6)"),
        ("(use regex posix) (import foo) 1", "1"),
        ("(define list +) (list 1 2)", "3"),
        ("(let ((if list)) (if 1 2 3))", "(1 2 3)"),
    ],
)
def test_a_form_has_the_value_that_scheme_gives_it(text: str, expected: str) -> None:
    assert show(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(/ 10 4)", "2.5"),
        ("(/ 4 2)", "2"),
        ("(/ 2)", "0.5"),
        ("(list (quotient -7 2) (remainder -7 2) (modulo -7 3))", "(-3 -1 2)"),
        ("(list (round 2.5) (floor -1.5) (ceiling 1.2) (truncate -1.7) (round 7))", "(2.0 -2.0 2.0 -1.0 7)"),
        ("(list (max 1 2.0) (min 3 2) (abs -4))", "(2.0 2 4)"),
        ("(list (< 1 2 3) (= 1 1.0) (eqv? 1 1.0) (equal? '(1 (2)) '(1 (2))))", "(#t #t #f #t)"),
        (
            "(list (expt 2 10) (sqrt 16) (sqrt 2.25) (* 4611686018427387903 2))",
            "(1024 4 1.5 9.22337203685478e+18)",
        ),
        ('(list (string->number "x") (string->number "ff" 16) (any->number "4.5"))', "(#f 255 4.5)"),
        ('(list (number->string 255 16) (conc "a" 1 #t \'b 2.5))', "(ff a1#tb2.5)"),
        ('(string-intersperse (map (lambda (x) (conc "i" x)) \'(1 2 3)) ",")', "i1,i2,i3"),
        ('(string-split "a  b\tc")', "(a b c)"),
        ('(string-split "a,,b" "," #t)', "(a  b)"),
        ('(list (substring "abcdef" 1 3) (string-upcase "ab") (string-pad-left "7" 3 #\\0))', "(bc AB 007)"),
        ('(string-substitute "a(.)" "[\\\\1]" "abac" #t)', "[b][c]"),
        ('(string-substitute "a" "X" "aaa" 2)', "aXa"),
        ('(string-substitute "^x*" "-" "ab")', "-ab"),
        (
            (
                '(list (string-match "a(b+)c" "abbc") (string-match "a" "ab")'
                '      (string-search (regexp "B+" #t) "abbc"))'
            ),
            "((abbc bb) #f (bb))",
        ),
        ('(sprintf "~A-~S~%" 1 "b")', '1-"b"\n'),
        ('(with-output-to-string (lambda () (display "hi") (write "q") (print 1 2)))', 'hi"q"12\n'),
        ("(map + '(1 2 3) '(10 20))", "(11 22)"),
        ("(apply + 1 2 '(3 4))", "10"),
        ("(filter odd? (iota 6))", "(1 3 5)"),
        ("(fold cons '() '(1 2 3))", "(3 2 1)"),
        ("(sort '(3 1 2) <)", "(1 2 3)"),
        ("(list (list-ref '(a b) 1) (cadr '(1 2)) (last '(1 2 3)) (take '(1 2 3) 2))", "(b 2 3 (1 2))"),
        ('(list (member 2 \'(1 2 3)) (assoc "b" \'(("a" 1) ("b" 2))) (memq \'z \'(a)))', "((2 3) (b 2) #f)"),
        (
            (
                "(let ((h (make-hash-table)))"
                "  (hash-table-set! h 'a 1) (hash-table-update! h 'a add1) (hash-table->alist h))"
            ),
            "((a . 2))",
        ),
    ],
)
def test_a_procedure_gives_what_the_original_gives(text: str, expected: str) -> None:
    assert show(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n (frob 1)", "2:3 frob is not defined"),
        ("(+ 1 (car '()))", "1:6 car: not a pair: ()"),
        ('(+ 1 "2")', '1:1 +: not a number: "2"'),
        ("(car 1 2)", "1:1 car does not take 2 arguments"),
        ("((lambda (x) x))", "1:1 lambda takes 1 arguments, not 0"),
        ("(1 2)", "1:1 1 cannot be called: it is no procedure"),
        ("()", "1:1 an empty list cannot be called"),
        ("(if)", "1:1 if is written wrongly: 0 parts follow it"),
        ("(let ((1 2)) 3)", "1:8 1 is not a name"),
        ("(set! nowhere 1)", "1:7 nowhere is not defined"),
        ("(list if)", "1:7 if is a form, not a value"),
        ("(/ 1 0)", "1:1 /: division by zero"),
        ('(error "boom" 1 "x")', '1:1 boom 1 "x"'),
        ('(regexp "a(b")', "1:1 the regular expression 'a(b' cannot be read: this group is never closed"),
        ("(make-string 99999999999)", "1:1 make-string: 99999999999 is not between 0 and 1000000"),
        (
            '(let loop ((s "ab")) (loop (string-append s s)))',
            "1:28 string-append: the text would have more than 1000000 characters",
        ),
        ("(let loop () (loop))", "1:14 stopped after 2000 steps"),
        ("(define (f) (+ 1 (f))) (f)", "1:18 stopped after 2000 steps"),
        ("(define-syntax swap! 1)", "1:1 define-syntax is not supported here"),
        ("(define-record point x y)", "1:1 define-record is not supported here"),
        (
            '(with-input-from-file "f" read-lines)',
            "1:1 with-input-from-file: the text may not read or write files, or start processes, itself",
        ),
        ("(receive (a b) (values 1 2 3) a)", "1:1 3 values for (a b)"),
        ("(let-values ((a)) 1)", "1:14 a binding is written ((NAME...) EXPRESSION)"),
        ("((case-lambda ((a) a) ((a b) b)))", "1:1 case-lambda: no clause takes 0 arguments"),
        ("(map (cut + <> 1) '(1) '(2))", "1:1 cut: 2 arguments are too many"),
        ("((cut + <> <>) 1)", "1:1 cut: 1 arguments are too few"),
        ("(raise 'stop)", "1:1 uncaught exception: stop"),
        ('(assert (= 1 2) "no")', "1:1 no"),
        (
            '(string-translate "a_b" "-_" ".")',
            '1:1 string-translate: "." has fewer characters than "-_"',
        ),
        ("(vector-set! (vector 1) 1 2)", "1:1 vector-set!: there is no item 1 of 1"),
        ('(string-translate* "a" \'(("" . "b")))', "1:1 string-translate*: not a pair of texts: a list"),
        (
            "(condition-case 1 ((exn type) 2))",
            "1:20 the kinds that can be told apart are exn, i/o and file; () takes all",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, expected: str) -> None:
    assert complaint(text, step_limit=2000) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(call-with-values (lambda () (values 1 2)) list)", "(1 2)"),
        ("(call-with-values (lambda () 1) list)", "(1)"),
        ("(receive (a . rest) (values 1 2 3) (list a rest))", "(1 (2 3))"),
        ("(receive all (values) all)", "()"),
        ("(let-values (((a b) (values 1 2)) ((c) 3)) (list a b c))", "(1 2 3)"),
        ("(let*-values (((a b) (values 1 2)) ((c) (+ a b))) c)", "3"),
        ("(define-values (a b) (values 1 2)) (list a b)", "(1 2)"),
        ("(map (case-lambda ((a) a) ((a . rest) rest)) '(1 2))", "(1 2)"),
        ("((case-lambda ((a) a) ((a . rest) rest)) 1 2 3)", "(2 3)"),
        ("(map (cut * 2 <>) '(1 2))", "(2 4)"),
        ("((cut list <> 2 <...>) 1 3 4)", "(1 2 3 4)"),
        ("(+ 1 (call/cc (lambda (k) (for-each (lambda (x) (if (> x 1) (k x))) '(1 2 3)) 9)))", "3"),
        ("(call/cc (lambda (k) 5))", "5"),
        ("(call/cc (lambda (out) (+ 1 (call/cc (lambda (in) (out 2))))))", "2"),
        ("(list (call-with-current-continuation (lambda (k) (k #f))))", "(#f)"),
        ("(handle-exceptions e 'bad (car '()))", "bad"),
        ("(handle-exceptions e 'bad 1 2)", "2"),
        ("(+ 1 (handle-exceptions e (+ e 1) (+ 1 (raise 5))))", "7"),
        (
            (
                "(handle-exceptions e (list ((condition-property-accessor 'exn 'message) e)"
                "                           (get-condition-property e 'exn 'arguments))"
                '  (error "boom" 1 "x"))'
            ),
            "(boom (1 x))",
        ),
        ("(handle-exceptions e (get-condition-property e 'exn 'location 'none) (car 1))", "none"),
        ("(handle-exceptions e (condition? e) (car 1))", "#t"),
        ("(handle-exceptions e 'outer (handle-exceptions e (abort e) (car 1)))", "outer"),
        ("(condition-case (car 1) ((exn) 'exn))", "exn"),
        ("(condition-case (raise 7) ((exn) 'exn) (v () v))", "7"),
        ("(condition-case (car 1) ((exn i/o file) 'file) ((exn) 'exn))", "exn"),
        ("(handle-exceptions e e (condition-case (raise 7) ((exn) 'exn)))", "7"),
        (
            "(call/cc (lambda (k) (with-exception-handler (lambda (e) (k 'left)) (lambda () (car 1)))))",
            "left",
        ),
        ("(assert (+ 1 1))", "2"),
        ("(handle-exceptions e 'deep (let f ((n 50000)) (if (= n 0) (car 1) (+ 1 (f (- n 1))))))", "deep"),
        (
            (
                "(handle-exceptions e (with-output-to-string (lambda () (display 2)))"
                "  (with-output-to-string (lambda () (display 1) (car 1))))"
            ),
            "2",
        ),
    ],
)
def test_values_and_ways_out_are_those_of_the_original(text: str, expected: str) -> None:
    assert show(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(alist-ref 'b '((a . 1) (b . 2)))", "2"),
        ('(list (alist-ref "bc" \'(("bc" . 2))) (alist-ref "bc" \'(("bc" . 2)) equal?))', "(#f 2)"),
        ("(alist-ref 'z '((a . 1)) eqv? 'none)", "none"),
        ("(foldl list 0 '(1 2))", "((0 1) 2)"),
        ("(foldr list 0 '(1 2))", "(1 (2 0))"),
        ("(fold + 0 '(1 2) '(10 20))", "33"),
        ("(list-tabulate 3 (lambda (i) (* i i)))", "(0 1 4)"),
        ("(list (cons* 1 2 '(3)) (make-list 2 'x) (list-copy '(1 2)))", "((1 2 3) (x x) (1 2))"),
        ("(flatten '(1 (2 (3)) ()) 4)", "(1 2 3 4)"),
        ("(list (concatenate '((1) (2 3))) (zip '(1 2) '(a b)))", "((1 2 3) ((1 a) (2 b)))"),
        ("(list (count odd? '(1 2 3)) (list-index even? '(1 2)) (list-index even? '(1)))", "(2 1 #f)"),
        ("(list (take-while odd? '(1 3 4 5)) (drop-while odd? '(1 3 4 5)))", "((1 3) (4 5))"),
        (
            "(let ((v (make-vector 3 0))) (vector-set! v 1 'x) (list v (subvector v 1) (vector-length v)))",
            "(#(0 x 0) #(x 0) 3)",
        ),
        ("(let ((v (list->vector '(1 2)))) (vector-fill! v 7) (vector->list v))", "(7 7)"),
        ("(hash-table->alist (alist->hash-table '((a . 1) (a . 2)) equal?))", "((a . 1))"),
        ("(hash-table-fold (alist->hash-table '((a . 1) (b . 2))) (lambda (k v s) (+ v s)) 0)", "3"),
        ("(hash-table-map (alist->hash-table '((a . 1))) list)", "((a 1))"),
        (
            (
                "(let* ((h (alist->hash-table '((a . 1)))) (c (hash-table-copy h)))"
                "  (hash-table-clear! h) (list (hash-table-size h) (hash-table-size c)))"
            ),
            "(0 1)",
        ),
        ('(string-translate "a-b" "-" "_")', "a_b"),
        ('(string-translate "a-b_c" "-_" #\\.)', "a.b.c"),
        ('(string-translate "a-b_c" (list #\\- #\\_))', "abc"),
        ('(string-translate "aab" "aa" "xy")', "xxb"),
        ('(string-translate* "<a&b>" \'(("<" . "&lt;") ("&" . "&amp;")))', "&lt;a&amp;b>"),
        ('(string-translate* "aaa" \'(("a" . "b") ("aa" . "c")))', "bbb"),
        ('(string-translate* "a" \'())', "a"),
        ('(with-output-to-string (lambda () (string-for-each (lambda (c) (write c)) "ab")))', "#\\a#\\b"),
        ('(string-map char-upcase "ab1")', "AB1"),
        ('(list (string-take "abc" 1) (string-drop "abc" 1))', "(a bc)"),
        ('(list (string-take-right "abc" 1) (string-drop-right "abc" 1))', "(c ab)"),
        ('(string-concatenate \'("a" "b"))', "ab"),
        ('(string-substitute* "abc" \'(("a(.)" . "\\\\1\\\\1") ("b" . "x")))', "xxc"),
        ("(map char-numeric? (list #\\1 #\\a))", "(#t #f)"),
        ("(list (char=? #\\a #\\a) (char<? #\\b #\\a) (char-alphabetic? #\\a))", "(#t #f #t)"),
        (
            (
                "(with-output-to-string (lambda ()"
                '  (fprintf (current-output-port) "~A!" 1) (format #t "~S" "x")))'
            ),
            '1!"x"',
        ),
        ('(list (format "~A" 1) (format #f "~A" 2))', "(1 2)"),
        ('(call-with-output-string (lambda (port) (display "x" port) (write-line "y" port)))', "xy\n"),
        ('(with-output-to-string (lambda () (print* 1 2) (write-string "z") (flush-output)))', "12z"),
        ("(eof-object? (eof-object))", "#t"),
    ],
)
def test_a_procedure_that_rule_files_may_use_gives_what_the_original_gives(text: str, expected: str) -> None:
    assert show(text) == expected


@pytest.mark.parametrize(
    "cause",
    [
        "(frob)",
        '(read-lines "f")',
        "(car 1 2)",
        "(let loop () (loop))",
        "(define k #f) (call/cc (lambda (c) (set! k c))) (k 1)",
    ],
)
def test_no_handler_passes_over_what_is_not_here_or_has_no_end(cause: str) -> None:
    handled = f"(handle-exceptions e 1 (condition-case (begin {cause}) (() 2)))"
    assert complaint(handled, step_limit=2000)


def test_an_uncaught_fault_is_shown_where_it_arose_whatever_it_has_passed() -> None:
    assert complaint("(condition-case\n (call/cc (lambda (k)\n  (+ 1 (raise 7)))) ((exn) 2))").startswith(
        "3:8"
    )


def test_a_vector_that_holds_itself_ends_with_a_message() -> None:
    knot = "(define v (make-vector 1000 0)) (vector-set! v 0 v) "
    assert complaint(knot + "v").endswith("the text of a value has more than 1000000 characters")
    assert "parts to compare" in complaint(
        knot + "(define w (make-vector 1000 0)) (vector-set! w 0 w) (equal? v w)"
    )


def test_an_unknown_name_brings_the_nearest_known_one() -> None:
    with pytest.raises(SchemeError) as caught:
        show('(string-lenght "a")')
    assert caught.value.hint == "did you mean 'string-length'?"


def test_recursion_fifty_thousand_deep_returns() -> None:
    assert show("(define (f n) (if (= n 0) 0 (+ 1 (f (- n 1))))) (f 50000)") == "50000"


def test_an_expression_fifty_thousand_deep_has_a_value() -> None:
    assert show("(+ 1 " * 50_000 + "0" + ")" * 50_000) == "50000"


def test_shared_lists_that_unfold_without_end_are_stopped() -> None:
    doubling = "(define x (list 1)) " + "(set! x (list x x)) " * 40
    assert complaint(doubling + "x").endswith("the text of a value has more than 1000000 characters")
    assert "parts to compare" in complaint(
        doubling + "(define y x) (set! x (list x 1)) (equal? (list y y) (list y y))"
    )


def test_a_host_binds_plain_functions() -> None:
    environment = {"A": "1"}
    interpreter = Interpreter(
        {"getenv": lambda name: environment.get(name, False), "setenv": environment.__setitem__}
    )
    assert (
        interpreter.run_to_text(read_all('(setenv "B" "2") (list (getenv "B") (getenv "C"))', "f"))
        == "(2 #f)"
    )


def test_a_hosts_fault_is_shown_at_the_call() -> None:
    def refuse(name: Value) -> Value:
        raise SchemeFault(f"{name} is forbidden", hint="ask")

    def missing() -> Value:
        raise FileNotFoundError(2, "No such file or directory")

    interpreter = Interpreter({"refuse": refuse, "missing": missing})
    with pytest.raises(SchemeError) as caught:
        interpreter.run(read_all('1\n(list (refuse "x"))', "f"))
    assert caught.value.diagnostics()[0].render().splitlines() == [
        "f:2:7: error: x is forbidden",
        '    (list (refuse "x"))',
        "          ^~~~~~~~~~~~",
        "hint: ask",
    ]
    with pytest.raises(SchemeError, match="missing: No such file or directory"):
        interpreter.run(read_all("(missing)", "f"))


def test_a_host_procedure_can_ask_where_it_and_its_arguments_stand() -> None:
    seen: list[str] = []

    def note(site: CallSite, arguments: Sequence[Value]) -> Value:
        form = site.argument(1)
        seen.append(f"{form.location} {arguments}")
        return UNSPECIFIED

    interpreter = Interpreter({"note": PlacedProcedure("note", note)})
    interpreter.run(read_all("(note 1\n  2)\n(apply note (list 3 4))", "f"))
    assert seen == ["f:2:3 (1, 2)", "f:3:1 (3, 4)"]


def test_definitions_stay_for_the_next_run_and_output_goes_to_the_sink() -> None:
    printed: list[str] = []
    interpreter = Interpreter(output=printed.append)
    interpreter.run(read_all("(define a 1)", "f"))
    interpreter.run(read_all('(print "a is " a) (display "x") (newline)', "g"))
    assert "".join(printed) == "a is 1\nx\n"


VALUES = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.booleans(),
    st.sampled_from([NIL, UNSPECIFIED, Char("a"), Symbol("s"), Regexp(source="a(b)?"), [1, "x"]]),
    st.lists(st.integers(0, 3), max_size=3).map(list_from),
    st.sampled_from(sorted(n for n, v in standard_names().items() if isinstance(v, Procedure))).map(
        lambda name: standard_names()[name]
    ),
)


@settings(max_examples=600)
@given(st.sampled_from(sorted(standard_names())), st.lists(VALUES, max_size=4))
def test_no_procedure_fails_otherwise_than_with_a_fault(name: str, arguments: list[Value]) -> None:
    bindings: dict[str, Value] = {f"arg{i}": Holder(value) for i, value in enumerate(arguments)}
    interpreter = Interpreter(
        {**bindings, "open": lambda holder: holder.value if isinstance(holder, Holder) else 0}, step_limit=300
    )
    call = f"({name} " + " ".join(f"(open arg{i})" for i in range(len(arguments))) + ")"
    with suppress(SchemeError):
        interpreter.run_to_text(read_all(call, "f"))


class Holder:
    def __init__(self, value: Value) -> None:
        self.value = value
