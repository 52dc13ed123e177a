from __future__ import annotations

import pytest
from plan_builder import Bench, prior, spec

from megatest.plan.rerun import Prior, RerunRequest, counts, decide, is_reset

PLAIN = RerunRequest()
FORCE = RerunRequest(force=True)
LISTED = RerunRequest(rerun=frozenset({"PASS", "FAIL", "ABORT", "n/a"}))
UNLISTED = RerunRequest(rerun=frozenset({"OTHER"}))
KEEP = RerunRequest(keepgoing=True)
KEEP_LISTED = RerunRequest(keepgoing=True, rerun=LISTED.rerun)
REQUESTS = (FORCE, PLAIN, LISTED, UNLISTED, KEEP, KEEP_LISTED)

TABLE = {
    #                     force plain listed unlisted keep keep+listed
    "NOT_STARTED/n/a": (1, 1, 1, 1, 1, 1),
    "NOT_STARTED/PREQ_FAIL": (1, 1, 1, 1, 1, 1),
    "NOT_STARTED/ZERO_ITEMS": (1, 1, 1, 1, 1, 1),
    "DELETED/PASS": (1, 1, 1, 1, 1, 1),
    "COMPLETED/PASS": (1, 0, 1, 0, 0, 0),
    "COMPLETED/WARN": (1, 0, 0, 0, 0, 0),
    "COMPLETED/FAIL": (1, 1, 1, 0, 1, 1),
    "COMPLETED/n/a": (1, 1, 1, 0, 1, 1),
    "COMPLETED/ABORT": (1, 0, 1, 0, 0, 1),
    "COMPLETED/FOO": (1, 0, 0, 0, 0, 0),
    "INCOMPLETE/STUCK/DEAD": (1, 1, 1, 1, 1, 1),
    "KILLED/FAIL": (1, 0, 1, 0, 1, 1),
    "ARCHIVED/PASS": (1, 0, 1, 0, 0, 1),
    "BOZZLEBLONKED/PASS": (1, 0, 1, 0, 0, 1),
    "RUNNING/n/a": (1, 1, 1, 1, 1, 1),
    "LAUNCHED/n/a": (1, 1, 1, 1, 1, 1),
    "KILLREQ/n/a": (1, 1, 1, 1, 1, 1),
}


@pytest.mark.parametrize("pair", TABLE)
def test_the_decision_table(pair: str) -> None:
    assert tuple(int(decide(prior(pair), request).run) for request in REQUESTS) == TABLE[pair]


@pytest.mark.parametrize("request_", REQUESTS)
def test_what_never_ran_runs_and_a_parent_never_does(request_: RerunRequest) -> None:
    assert decide(None, request_).run
    assert not decide(prior("COMPLETED/FAIL", parent=True), request_).run


@pytest.mark.parametrize("request_", [*REQUESTS, RerunRequest(everything=True)])
@pytest.mark.parametrize("state", ["LAUNCHED", "REMOTEHOSTSTART", "RUNNING", "KILLREQ"])
def test_what_an_executor_accounts_for_is_left_alone(state: str, request_: RerunRequest) -> None:
    decision = decide(Prior(state=state, status="n/a", accounted=True), request_)
    assert (decision.run, decision.active, decision.stuck) == (False, True, False)
    assert decision.reason == "an engine accounts for it"


def test_what_nobody_accounts_for_is_stuck_and_runs() -> None:
    decision = decide(prior("RUNNING/n/a"), PLAIN)
    assert (decision.run, decision.stuck) == (True, True)


@pytest.mark.parametrize(
    ("pair", "request_", "sentence"),
    [
        ("COMPLETED/PASS", PLAIN, "it is COMPLETED/PASS; use --rerun PASS or --force to run it again"),
        ("KILLED/FAIL", PLAIN, "it is KILLED/FAIL; use --rerun FAIL or --force to run it again"),
        ("COMPLETED/FAIL", PLAIN, "it is COMPLETED/FAIL; what did not pass runs again"),
        ("COMPLETED/PASS", FORCE, "it is COMPLETED/PASS; --force runs it again"),
        ("COMPLETED/FAIL", LISTED, "it is COMPLETED/FAIL; --rerun lists FAIL"),
        ("COMPLETED/FAIL", UNLISTED, "it is COMPLETED/FAIL, which --rerun OTHER does not list; use --force"),
        ("COMPLETED/PASS", KEEP_LISTED, "it is COMPLETED/PASS; --keep-going keeps good results"),
        ("NOT_STARTED/PREQ_FAIL", PLAIN, "a prerequisite had failed; that is looked at again"),
    ],
)
def test_the_sentence_names_the_values_compared(pair: str, request_: RerunRequest, sentence: str) -> None:
    assert decide(prior(pair), request_).reason == sentence


def test_rerun_all_resets_every_record() -> None:
    everything = RerunRequest(everything=True)
    assert decide(prior("COMPLETED/PASS"), everything).run
    assert is_reset(prior("KILLED/FAIL"), everything)
    assert not counts(prior("COMPLETED/PASS"), everything)


def test_rerun_clean_resets_by_state_or_status() -> None:
    clean = RerunRequest(clean_states=frozenset({"KILLED"}), clean_statuses=frozenset({"CHECK"}))
    assert decide(prior("KILLED/FAIL"), clean).run
    assert decide(prior("COMPLETED/CHECK"), clean).reason == "it is COMPLETED/CHECK; --rerun-clean resets it"
    assert not decide(prior("COMPLETED/PASS"), clean).run
    assert not counts(prior("COMPLETED/CHECK"), clean)


def test_under_keepgoing_a_failure_does_not_count_any_more() -> None:
    assert not counts(prior("COMPLETED/FAIL"), KEEP)
    assert counts(prior("COMPLETED/FAIL"), PLAIN)


def test_what_the_area_resets_by_itself_is_named_by_state_or_by_state_and_status() -> None:
    auto = RerunRequest(auto=frozenset({"KILLED", "COMPLETED/CHECK"}))
    assert decide(prior("KILLED/FAIL"), auto).run
    assert decide(prior("COMPLETED/CHECK"), auto).reason == (
        "it is COMPLETED/CHECK; [setup] allow-auto-rerun resets it"
    )
    assert not decide(prior("COMPLETED/PASS"), auto).run
    assert not counts(prior("COMPLETED/CHECK"), auto)


def test_what_the_area_resets_by_itself_are_the_tests_that_are_asked_for() -> None:
    auto = RerunRequest(auto=frozenset({"COMPLETED/CHECK"}))
    records = {"up": "COMPLETED/CHECK", "down": "COMPLETED/CHECK"}
    assert Bench(spec("up"), spec("down", "up"), request=auto, priors=records).run() == ["up", "down"]
    bench = Bench(spec("up"), spec("down", "up"), pattern="down", request=auto, priors=records)
    assert bench.run() == ["down"]
