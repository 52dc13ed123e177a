import time

from hypothesis import given
from hypothesis import strategies as st

from megatest.model.signature import MOST_LINES, looks_like_error, normalised, signature_of, telling_lines


def test_what_differs_between_two_attempts_is_taken_out() -> None:
    first = (
        "2026-11-22T10:03:04.123Z worker-17 (pid 4711): /build/a1/src/main.c:12: error at 0x7ffe12 after 3.5s"
    )
    second = "2027-01-02 23:59:59 worker-9 (pid 12): /home/x/src/main.c:99: error at 0xdead after 120s"
    assert normalised(first) == normalised(second)
    assert "main.c" in normalised(first)


def test_what_tells_failures_apart_stays() -> None:
    assert normalised("error: cannot open socket") != normalised("error: cannot open file")
    assert normalised("/a/x.c: error") != normalised("/a/y.c: error")


def test_ids_hosts_times_and_temporary_files_have_words_of_their_own() -> None:
    assert normalised("id 123e4567-e89b-12d3-a456-426614174000") == "id <id>"
    assert normalised("to 10.0.0.7:8080") == "to <host>"
    assert normalised("at 12:01:02.5") == "at <time>"
    assert normalised("open /tmp/tmpXyQ/ab.cd") == "open <tmp>"
    assert normalised("commit deadbeef12") == "commit <hex>"
    assert normalised("\x1b[31merror\x1b[0m") == "error"
    assert normalised("in /runs/7/t", [("/runs/7/t", "<run>")]) == "in <run>"


def test_lines_that_look_like_errors_come_before_the_last_ones() -> None:
    log = ["start", "error: one", "error: one", "FAILED two", "0 errors", "done", "bye"]
    assert telling_lines(log) == ["error: one", "FAILED two"]
    assert telling_lines(["a", "", "b", "c", "d"]) == ["b", "c", "d"]
    assert telling_lines([]) == []
    assert len(telling_lines([f"error: {word}" for word in "abcdefgh"])) == MOST_LINES


def test_no_errors_is_no_error() -> None:
    for line in ("0 errors, 0 failed", "no failures", "errors: 0", "all is well"):
        assert not looks_like_error(line)
    for line in ("Traceback (most recent call last):", "connection refused", "1 error"):
        assert looks_like_error(line)


def test_a_signature_is_short_and_made_of_its_text() -> None:
    signature = signature_of("FAIL: step build: exit 2", "No oops 7", ["error: x 1"])
    assert signature.text == "FAIL: step build: exit 2\nNo oops N\nerror: x N"
    assert len(signature.id) == 12
    assert signature == signature_of("FAIL: step build: exit 2", "No oops 9", ["error: x 22"])
    assert signature.id != signature_of("FAIL: step build: exit 3", "No oops 7", ["error: x 1"]).id


@given(st.text(), st.lists(st.text()), st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_never_matter_and_no_text_is_too_odd(word: str, log: list[str], one: int, other: int) -> None:
    assert signature_of("c", f"{word} x {one}", log) == signature_of("c", f"{word} x {other}", log)


def test_a_line_of_any_length_and_shape_is_dealt_with_at_once() -> None:
    began = time.process_time()
    for unit in ("/a", "a/", "1e", "f", "0x", "1.", "-1", "12:", "ab12-", " ", "(/"):
        signature_of("c", "", ["error " + unit * 500_000])
    assert time.process_time() - began < 5  # a pattern that is not linear would take hours
