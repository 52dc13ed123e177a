from __future__ import annotations

import time

import pytest
from plan_builder import Bench, Priors, prior, spec, tid

from megatest.model.error import ConfigError
from megatest.model.ids import TestId
from megatest.model.pattern import parse_pattern
from megatest.model.record import TestRecord
from megatest.plan.items import Item
from megatest.plan.limits import Demand, Limits, LimitSettings
from megatest.plan.plan import Plan, Register
from megatest.plan.rerun import RerunRequest
from megatest.plan.select import select

FORCE = RerunRequest(force=True)


def test_a_chain_runs_in_order() -> None:
    assert Bench(spec("c", "b"), spec("b", "a"), spec("a")).run() == ["a", "b", "c"]


def test_independent_tests_are_ready_together_by_name() -> None:
    assert Bench(spec("b"), spec("a"), spec("c")).ready() == ["a", "b", "c"]


def test_the_longest_path_by_past_durations_goes_first() -> None:
    bench = Bench(spec("a"), spec("b"), spec("c", "b"), past={"a": 5, "b": 1, "c": 10})
    assert bench.ready() == ["b", "a"]


def test_a_priority_that_the_user_gave_outranks_the_estimate() -> None:
    bench = Bench(spec("a", priority=1), spec("b"), spec("c", priority=-1), spec("d", "b"), past={"d": 99})
    assert bench.ready() == ["a", "b", "c"]


def test_what_stands_behind_a_failure_is_settled_at_once_and_so_is_what_stands_behind_that() -> None:
    bench = Bench(spec("a"), spec("b", "a"), spec("c", "b"), spec("d"))
    bench.ready()
    bench.end("a", "COMPLETED/FAIL")
    assert bench.settled == {"b": "NOT_STARTED/PREQ_FAIL", "c": "NOT_STARTED/PREQ_FAIL"}
    assert bench.comments["b"] == "prerequisite a is COMPLETED/FAIL"
    assert bench.comments["c"] == "prerequisite b is NOT_STARTED/PREQ_FAIL"
    assert not bench.plan.is_done()
    bench.end("d")
    assert bench.plan.is_done()


@pytest.mark.parametrize("status", ["PASS", "WARN", "CHECK", "WAIVED", "SKIP"])
def test_good_statuses_let_the_tests_behind_run(status: str) -> None:
    assert Bench(spec("a"), spec("b", "a")).run({"a": f"COMPLETED/{status}"}) == ["a", "b"]


def test_toplevel_waits_for_the_end_only() -> None:
    bench = Bench(spec("a"), spec("b", "a", modes="toplevel"))
    assert bench.run({"a": "KILLED/FAIL"}) == ["a", "b"]


def test_toplevel_behind_what_never_runs_never_runs() -> None:
    bench = Bench(spec("a"), spec("b", "a"), spec("c", "b", modes="toplevel"))
    assert bench.run({"a": "COMPLETED/FAIL"}) == ["a"]
    assert bench.settled["c"] == "NOT_STARTED/PREQ_FAIL"


def test_normal_mode_waits_for_all_items() -> None:
    bench = Bench(spec("a", items="1 2"), spec("b", "a"))
    assert bench.ready() == ["a/1", "a/2"]
    bench.end("a/1")
    assert bench.ready() == []
    bench.end("a/2", "COMPLETED/WARN")
    assert bench.ready() == ["b"]


def test_one_failed_item_settles_the_tests_behind_before_the_others_end() -> None:
    bench = Bench(spec("a", items="1 2"), spec("b", "a"))
    bench.ready()
    bench.end("a/1", "COMPLETED/FAIL")
    assert bench.settled == {"b": "NOT_STARTED/PREQ_FAIL"}
    assert bench.comments["b"] == "prerequisite a/1 is COMPLETED/FAIL"


def test_itemmatch_waits_for_the_same_item_only() -> None:
    bench = Bench(spec("a", items="1 2"), spec("b", "a", items="1 2", modes="itemmatch"))
    bench.ready()
    bench.end("a/2")
    assert bench.ready() == ["b/2"]
    bench.end("a/1", "COMPLETED/FAIL")
    assert bench.settled == {"b/1": "NOT_STARTED/PREQ_FAIL"}


def test_itemmatch_follows_the_map_of_each_upstream_test() -> None:
    maps = [("a", r"(\d)/x", r"x\1"), ("%", ".*", "only")]
    bench = Bench(
        spec("a", items="x1 x2"),
        spec("b", items="only"),
        spec("c", "a b", items="1/x 2/x", modes="itemmatch", maps=maps),
    )
    assert bench.ready() == ["a/x1", "a/x2", "b/only"]
    bench.end("b/only")
    bench.end("a/x2")
    assert bench.ready() == ["c/2/x"]


def test_itemmatch_waits_for_the_only_row_of_a_test_without_items() -> None:
    bench = Bench(spec("a"), spec("b", "a", items="1 2", modes="itemmatch"))
    assert bench.ready() == ["a"]
    bench.end("a")
    assert bench.ready() == ["b/1", "b/2"]


def test_a_test_without_items_that_matches_items_waits_for_all_of_them() -> None:
    bench = Bench(spec("a", items="1 2"), spec("b", "a", modes="itemmatch"))
    bench.ready()
    bench.end("a/1")
    assert bench.ready() == []
    bench.end("a/2")
    assert bench.ready() == ["b"]


def test_an_item_without_counterpart_can_never_run() -> None:
    bench = Bench(spec("a", items="1"), spec("b", "a", items="1 2", modes="itemmatch"))
    assert bench.settled == {"b/2": "NOT_STARTED/PREQ_FAIL"}
    assert bench.comments["b/2"] == "prerequisite a has no item '2'"


def test_a_map_that_widens_to_percent_waits_for_the_whole_test() -> None:
    bench = Bench(
        spec("a", items="1 2"), spec("b", "a", items="x", modes="itemmatch", maps=[("%", ".*", "%")])
    )
    bench.ready()
    bench.end("a/1")
    assert bench.ready() == []
    bench.end("a/2")
    assert bench.ready() == ["b/x"]


def test_only_items_that_the_pattern_names_run_and_what_they_need() -> None:
    bench = Bench(
        spec("a", items="1 2"), spec("b", "a", items="1 2", modes="itemmatch"), spec("z"), pattern="b/2"
    )
    assert bench.run() == ["a/2", "b/2"]


def test_a_whole_request_runs_upstream_items_that_nobody_matches_once() -> None:
    specs = (spec("a", items="1 2 3"), spec("b", "a", items="1 2", modes="itemmatch"))
    assert Bench(*specs, pattern="b").run() == ["a/1", "a/2", "a/3", "b/1", "b/2"]
    failed = {"a/1": "COMPLETED/PASS", "a/3": "COMPLETED/FAIL", "b/1": "COMPLETED/FAIL"}
    assert Bench(*specs, pattern="b/1", priors=failed).run() == ["b/1"]


def test_a_good_result_asks_nothing_of_the_tests_upstream() -> None:
    bench = Bench(spec("a"), spec("b", "a"), pattern="b", priors={"b": "COMPLETED/PASS"})
    assert bench.run() == []
    assert bench.joined == {}


def test_a_rerun_runs_only_what_it_must() -> None:
    priors = {
        "a": "COMPLETED/PASS",
        "b": "COMPLETED/FAIL",
        "c": "NOT_STARTED/PREQ_FAIL",
        "d": "COMPLETED/PASS",
    }
    specs = (spec("a"), spec("b", "a"), spec("c", "b"), spec("d", "a"))
    assert Bench(*specs, priors=priors).run() == ["b", "c"]


def test_a_failed_test_upstream_that_was_not_asked_for_runs_again_for_those_behind() -> None:
    priors = {"a": "COMPLETED/FAIL", "b": "NOT_STARTED/PREQ_FAIL"}
    assert Bench(spec("a"), spec("b", "a"), pattern="b", priors=priors).run() == ["a", "b"]


def test_a_listed_status_does_not_run_a_good_test_upstream_again() -> None:
    priors = {"a": "COMPLETED/PASS", "b": "COMPLETED/PASS"}
    request = RerunRequest(rerun=frozenset({"PASS"}))
    assert Bench(spec("a"), spec("b", "a"), pattern="b", priors=priors, request=request).run() == ["b"]


def test_a_test_that_runs_again_is_waited_for_although_its_old_result_is_good() -> None:
    priors = {"a": "COMPLETED/PASS", "b": "COMPLETED/FAIL"}
    request = RerunRequest(rerun=frozenset({"PASS", "FAIL"}))
    bench = Bench(spec("a"), spec("b", "a"), priors=priors, request=request)
    assert bench.ready() == ["a"]
    bench.end("a", "COMPLETED/FAIL")
    assert bench.settled == {"b": "NOT_STARTED/PREQ_FAIL"}


def test_rerun_all_runs_the_tests_upstream_again_too() -> None:
    priors: Priors = {
        "a/1": "COMPLETED/PASS",
        "a": prior("COMPLETED/PASS", parent=True),
        "b": "COMPLETED/PASS",
    }
    specs = (spec("a", items="1"), spec("b", "a"))
    bench = Bench(*specs, pattern="b", priors=priors, request=RerunRequest(everything=True))
    assert bench.run() == ["a/1", "b"]


def test_force_neither_pulls_in_nor_waits() -> None:
    bench = Bench(spec("a"), spec("b", "a", items="1", deferred=True), pattern="b", request=FORCE)
    assert bench.run() == ["b/1"]


def test_what_an_executor_accounts_for_is_running_from_the_start() -> None:
    bench = Bench(spec("a"), spec("b", "a"), pattern="b", priors={"a": prior("RUNNING/n/a", accounted=True)})
    assert list(bench.plan.waiting()) == [tid("b")]
    bench.plan.started(tid("a"))  # said by the engine that adopts it
    assert bench.ready() == []
    bench.end("a")
    assert bench.ready() == ["b"]


def test_what_nobody_accounts_for_is_marked_stuck_and_runs_again() -> None:
    bench = Bench(spec("a"), priors={"a": "RUNNING/n/a"})
    assert "nobody accounts for it" in bench.why("a")
    assert bench.run() == ["a"]


def test_a_test_that_no_request_named_may_run_beside_the_plan() -> None:
    limits = Limits(LimitSettings(max_concurrent_jobs=1))
    bench = Bench(spec("a"), spec("z"), pattern="a", limits=limits)
    bench.plan.started(tid("z"))
    assert bench.ready() == []
    assert not bench.plan.is_done()
    bench.end("z")
    assert bench.run() == ["a"]


def test_news_of_an_end_that_is_told_twice_changes_nothing() -> None:
    bench = Bench(spec("a"), spec("b", "a"))
    bench.ready()
    bench.end("a")
    assert not bench.plan.ended(tid("a"), "COMPLETED", "FAIL")
    assert not bench.plan.ended(tid("nobody"), "COMPLETED", "FAIL")
    assert bench.ready() == ["b"]


def test_a_retry_instead_of_an_end_keeps_those_behind_waiting() -> None:
    bench = Bench(spec("a"), spec("b", "a"))
    bench.ready()
    bench.heed(bench.plan.retry(tid("a")))
    assert bench.settled == {}
    assert bench.ready() == ["a"]
    bench.end("a")
    assert bench.ready() == ["b"]


def test_a_retry_after_the_end_takes_up_again_what_was_settled_behind_it() -> None:
    bench = Bench(spec("a"), spec("b", "a"), spec("c", "b"))
    bench.ready()
    bench.end("a", "COMPLETED/FAIL")
    assert bench.plan.is_done()
    bench.heed(bench.plan.retry(tid("a")))
    assert bench.run() == ["a", "b", "c"]


def test_items_that_need_upstream_are_asked_for_when_prerequisites_are_met() -> None:
    bench = Bench(spec("a"), spec("b", "a", items="1 2", deferred=True), spec("c", "b"))
    assert bench.ready() == ["a"]
    assert bench.expanded == []
    assert "items are evaluated when its prerequisites are met" in bench.why("b")
    bench.end("a")
    assert bench.expanded == ["b"]
    assert bench.ready() == ["b/1", "b/2"]


def test_late_items_are_evaluated_again_though_all_that_is_recorded_keeps_its_result() -> None:
    """An earlier run may have meant only some of them."""
    priors: Priors = {
        "a": "COMPLETED/PASS",
        "b/1": "COMPLETED/PASS",
        "b": prior("COMPLETED/PASS", parent=True),
    }
    bench = Bench(spec("a"), spec("b", "a", items="1 2", deferred=True), pattern="b", priors=priors)
    assert bench.expanded == ["b"]
    assert bench.run() == ["b/2"]


def test_a_test_that_awaits_its_items_is_settled_if_a_prerequisite_fails() -> None:
    bench = Bench(spec("a"), spec("b", "a", items="1", deferred=True), spec("c", "b"))
    bench.run({"a": "COMPLETED/FAIL"})
    assert bench.settled == {"b": "NOT_STARTED/PREQ_FAIL", "c": "NOT_STARTED/PREQ_FAIL"}


def test_a_test_that_awaits_items_to_match_expands_when_all_are_over_and_some_are_good() -> None:
    bench = Bench(spec("a", items="1 2"), spec("b", "a", items="1 2", modes="itemmatch", deferred=True))
    bench.ready()
    bench.end("a/1", "COMPLETED/FAIL")
    assert bench.expanded == []
    bench.end("a/2")
    assert bench.expanded == ["b"]
    assert bench.settled == {"b/1": "NOT_STARTED/PREQ_FAIL"}
    assert bench.ready() == ["b/2"]


def test_no_items_at_all_is_a_state_with_a_message() -> None:
    bench = Bench(spec("a", items=""), spec("b", "a"))
    assert bench.settled == {"a": "NOT_STARTED/ZERO_ITEMS", "b": "NOT_STARTED/PREQ_FAIL"}
    assert bench.comments["a"]
    assert bench.comments["b"] == "prerequisite a is NOT_STARTED/ZERO_ITEMS"
    assert bench.plan.is_done()


def test_items_that_turn_out_empty_are_the_same() -> None:
    bench = Bench(spec("a"), spec("b", "a", items="1", deferred=True))
    bench.items = lambda name: spec(name, "a", items="")
    assert bench.run() == ["a"]
    assert bench.settled == {"b": "NOT_STARTED/ZERO_ITEMS"}


def test_items_that_cannot_be_evaluated_settle_the_test_with_the_reason() -> None:
    bench = Bench(spec("a"), spec("b", "a", items="1", deferred=True), spec("c", "b"))
    bench.heed(bench.plan.refuse("b", "tests/b/testconfig:3: no such file"))
    assert bench.comments["b"] == "tests/b/testconfig:3: no such file"
    assert bench.settled["c"] == "NOT_STARTED/PREQ_FAIL"
    assert not bench.plan.expand("b", (Item(path="1"),))


def test_a_named_item_that_does_not_exist_is_said_so() -> None:
    bench = Bench(spec("a", items="1"), pattern="a/9")
    assert bench.settled == {"a": "NOT_STARTED/ZERO_ITEMS"}
    assert bench.comments["a"] == "no item of test 'a' matches 'a/9'"
    assert Bench(spec("a", items="1"), pattern="%/9").settled == {}
    assert Bench(spec("a", items="1"), pattern="a/9", priors={"a/1": "COMPLETED/PASS"}).settled == {}


def test_a_named_item_of_a_test_that_learns_its_items_late_is_said_so_even_if_others_ran() -> None:
    made, late = spec("a"), spec("b", "a", items="1 2", deferred=True)
    bench = Bench(made, late, pattern="b/1,b/9")
    assert bench.run() == ["a", "b/1"]
    assert bench.said == ["test 'b' has no item '9'"]
    results: Priors = {
        "a": "COMPLETED/PASS",
        "b": prior("COMPLETED/PASS", parent=True),
        "b/1": "COMPLETED/PASS",
    }
    again = Bench(made, late, pattern="b/9", priors=results)
    assert again.run() == []
    assert (again.settled, again.said) == ({}, ["no item of test 'b' matches 'b/9'"])


def test_what_may_start_says_what_goes_first_if_anything_does() -> None:
    bench = Bench(spec("a"), spec("b"))
    assert bench.why("a").startswith("it may start now\n")
    assert bench.why("b").startswith("it may start now, after a\n")


def test_a_parent_says_how_many_items_run_and_are_to_run() -> None:
    results: Priors = {"a": prior("COMPLETED/FAIL", parent=True), "a/1": "COMPLETED/PASS"}
    bench = Bench(spec("a", items="1 2 3"), priors={**results, "a/2": "COMPLETED/FAIL"})
    assert bench.why("a") == "it sums up 3 items: 2 to run"
    assert bench.plan.next_ready() == tid("a/2")
    bench.plan.started(tid("a/2"))
    assert bench.why("a") == "it sums up 3 items: 1 running, 1 to run"
    for item in ("a/2", "a/3"):
        bench.end(item)
    assert bench.why("a") == "it sums up 3 items"


def test_recorded_items_that_are_gone_still_count_in_the_top_row() -> None:
    priors = {"a/old": "COMPLETED/FAIL", "a/1": "COMPLETED/PASS"}
    bench = Bench(spec("a", items="1"), spec("b", "a"), pattern="b", priors=priors)
    assert bench.settled == {"b": "NOT_STARTED/PREQ_FAIL"}


def test_rows_that_join_the_plan_are_told_before_anything_about_them() -> None:
    bench = Bench(spec("a", items="1"), spec("b", "a"), priors={"b": "COMPLETED/FAIL"})
    assert bench.joined == {"a/1": False, "a": True}


def test_a_second_request_adds_tests_and_decides_again_about_what_is_over() -> None:
    bench = Bench(spec("a"), spec("b", "a"), spec("c"), pattern="a")
    bench.ready()
    bench.end("a", "COMPLETED/FAIL")
    bench.add("b", priors={"a": "COMPLETED/FAIL"})
    assert bench.run() == ["a", "b"]
    bench.add("a,c", RerunRequest(rerun=frozenset({"ABORT"})))
    assert bench.run() == ["c"]


def test_a_second_request_leaves_alone_what_waits_or_runs() -> None:
    bench = Bench(spec("a"), spec("b", "a"))
    bench.ready()
    bench.add("%", FORCE)
    assert bench.ready() == []
    bench.end("a")
    assert bench.ready() == ["b"]


def test_a_full_group_does_not_keep_other_tests_from_starting() -> None:
    def demand(test_id: TestId, _executor: str) -> Demand:
        return Demand(jobgroup="slow" if test_id.test.startswith("s") else "default")

    limits = Limits(LimitSettings(jobgroups={"slow": 1}), demand)
    bench = Bench(spec("s1"), spec("s2"), spec("t"), limits=limits, past={"s1": 9, "s2": 9})
    assert bench.ready() == ["s1", "t"]
    assert bench.why("s2").startswith("it waits: job group 'slow' has 1, in use are 1 (1 in this run)")
    bench.end("s1")
    assert bench.ready() == ["s2"]


def test_a_test_that_can_never_start_refuses_the_first_request() -> None:
    limits = Limits(
        LimitSettings(pools={"license": 2}), lambda _id, _executor: Demand(pools=(("license", 3),))
    )
    with pytest.raises(ConfigError) as caught:
        Bench(spec("a"), limits=limits)
    assert "asks for 3 of pool 'license', which has 2" in caught.value.message


def test_a_test_that_can_never_start_is_settled_if_it_comes_later() -> None:
    limits = Limits(
        LimitSettings(jobgroups={"none": 0}),
        lambda test_id, _executor: Demand(jobgroup="none" if test_id.test == "b" else "default"),
    )
    bench = Bench(spec("a"), spec("b"), spec("c", "b"), pattern="a", limits=limits)
    bench.add("c")
    assert bench.settled == {"b": "NOT_STARTED/PREQ_FAIL", "c": "NOT_STARTED/PREQ_FAIL"}
    assert "limit 0" in bench.comments["b"]


def test_items_that_lie_in_each_other_refuse_the_first_request() -> None:
    with pytest.raises(ConfigError) as caught:
        Bench(spec("a", items="x x/y"))
    assert "lies inside" in caught.value.message


def test_an_exclusive_item_waits_while_it_is_active_in_another_run() -> None:
    bench = Bench(spec("a", items="1 2", modes="exclusive"))
    elsewhere = TestRecord(id=7, run_id=2, test_id=tid("a/1"), state="RUNNING", status="n/a")
    bench.plan.limits.set_elsewhere([elsewhere])
    assert bench.ready() == ["a/2"]
    assert bench.why("a/1").startswith("it is exclusive and active in another run")
    bench.plan.limits.set_elsewhere([])
    assert bench.ready() == ["a/1"]


def test_what_comes_next_can_be_seen_through_the_limits() -> None:
    bench = Bench(*(spec(f"t{n}") for n in range(9)), limits=Limits(LimitSettings(max_concurrent_jobs=1)))
    assert bench.ready() == ["t0"]
    assert list(bench.plan.upcoming(3)) == [tid("t1"), tid("t2"), tid("t3")]


def test_many_rows_are_registered_in_parts_before_anything_is_said_about_them() -> None:
    names = " ".join(f"i{number}" for number in range(2500))
    specs = {"none": spec("none", items=""), "a": spec("a", items=names)}
    plan = Plan()
    plan.add(select(specs, specs.__getitem__, parse_pattern("%")))
    said = plan.begin()
    parts = [each for each in said if isinstance(each, Register)]
    assert [len(part.rows) for part in parts] == [1000, 1000, 502]
    assert list(said[:3]) == parts
    assert len(said) == 4
    rows = [row for part in parts for row in part.rows]
    assert len(dict(rows)) == 2502
    assert rows.index((tid("a"), True)) < rows.index((tid("a/i0"), False))


def test_a_dry_run_lists_what_runs_in_order_with_reasons() -> None:
    bench = Bench(
        spec("c", "b"),
        spec("b", "a"),
        spec("a"),
        spec("d"),
        priors={"a": "COMPLETED/FAIL", "d": "COMPLETED/PASS"},
    )
    lines = [(str(planned.test_id), planned.reason) for planned in bench.plan.order()]
    assert [name for name, _ in lines] == ["a", "b", "c"]
    assert lines[0][1] == "it is COMPLETED/FAIL; what did not pass runs again"


def test_why_names_prerequisites_states_and_rules() -> None:
    bench = Bench(
        spec("a"), spec("b", "a"), spec("d"), spec("e"), pattern="b,d", priors={"d": "COMPLETED/PASS"}
    )
    assert bench.why("b") == "it waits for a to end well, which is ready\nit runs because it has not run yet"
    assert (
        bench.why("d") == "it does not run: it is COMPLETED/PASS; use --rerun PASS or --force to run it again"
    )
    assert bench.why("nobody") == "nobody is not in this plan"
    bench.run({"a": "COMPLETED/ABORT"})
    assert bench.why("b") == "it is NOT_STARTED/PREQ_FAIL: prerequisite a is COMPLETED/ABORT"
    assert bench.why("a") == "it ended COMPLETED/ABORT"


def test_a_faulty_item_map_settles_the_item_that_meets_it() -> None:
    bench = Bench(
        spec("a", items="1"), spec("b", "a", items="1 y", modes="itemmatch", maps=[("%", "y*", "1")])
    )
    assert bench.settled == {"b/1": "NOT_STARTED/PREQ_FAIL"}
    assert "matches nothing at all in item '1'" in bench.comments["b/1"]
    assert bench.run() == ["a/1", "b/y"]


def test_a_chain_of_fifty_thousand_is_planned_and_fails_without_recursion() -> None:
    size = 50_000
    bench = Bench(*(spec(f"t{n}", f"t{n - 1}" if n else "") for n in range(size)))
    assert bench.ready() == ["t0"]
    bench.end("t0", "COMPLETED/FAIL")
    assert len(bench.settled) == size - 1
    assert bench.plan.is_done()


def test_ten_thousand_items_behind_three_tests_cost_edges_not_products() -> None:
    items = " ".join(str(n) for n in range(10_000))
    began = time.process_time()
    bench = Bench(*(spec(name, items=items) for name in "abc"), spec("d", "a b c", items=items))
    assert bench.plan.waiting_count() == 40_000
    assert time.process_time() - began < 8
