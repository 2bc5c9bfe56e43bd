"""The task graph: what it refuses, how it orders, what may start and what is blocked."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.close.scheduling import (
    Blockage,
    Dependency,
    DependencyCycle,
    DependencyKind,
    DuplicateTask,
    Event,
    LagClock,
    LagUndecidable,
    MinutesNegative,
    StateMissing,
    StateUnknown,
    Task,
    TaskGraph,
    TaskState,
    UnknownDependency,
    UnknownTask,
)
from apps.common.calendar import BusinessCalendar, zone_named
from tests.close.scheduling.graphs import tasks

FS, SS = DependencyKind.FINISH_START, DependencyKind.START_START
FF, SF = DependencyKind.FINISH_FINISH, DependencyKind.START_FINISH
STATES = st.sampled_from(list(TaskState))


def task(task_id, *after, kind=FS, is_hard=True, lag_minutes=0):
    links = (Dependency(other, kind, lag_minutes, is_hard) for other in after)
    return Task(task_id, 60, tuple(links))


def pair(kind, **options):
    return TaskGraph([task("first"), task("second", "first", kind=kind, **options)])


class NoLags:
    """Lags are over at once."""

    def is_over(self, dependency):
        return True


# What is refused


@pytest.mark.parametrize(
    ("given_tasks", "path"),
    [
        (
            [task("bank_reconciliation", "approval"), task("approval", "bank_reconciliation")],
            "bank_reconciliation → approval → bank_reconciliation",
        ),
        ([task("alone", "alone")], "alone → alone"),
        (
            [task("c", "b"), task("a", "c"), task("b", "a"), task("bystander", "a")],
            "c → a → b → c",
        ),
        (
            [task("a", "b", kind=SS, is_hard=False), task("b", "a", kind=FF)],
            "a → b → a",
        ),
    ],
)
def test_a_cycle_is_refused_with_its_path(given_tasks, path):
    with pytest.raises(DependencyCycle, match=f"Tasks wait for each other: {path}.") as refusal:
        TaskGraph(given_tasks)
    assert " → ".join(refusal.value.path) == path


def test_a_dependency_on_an_unknown_task_is_refused_by_name():
    with pytest.raises(UnknownDependency, match="'approval' depends on 'reconcilliation'"):
        TaskGraph([task("reconciliation"), task("approval", "reconcilliation")])


def test_two_tasks_of_one_id_are_refused():
    with pytest.raises(DuplicateTask, match="'a' is defined more than once"):
        TaskGraph([task("a"), task("b"), task("a", "b")])


def test_negative_minutes_are_refused():
    with pytest.raises(MinutesNegative, match="The lag after 'a' is -1 minutes"):
        Dependency("a", lag_minutes=-1)
    with pytest.raises(MinutesNegative, match="The duration of 'a' is -5 minutes"):
        Task("a", -5)


@pytest.mark.parametrize("ask", ["task", "successors", "downstream", "upstream"])
def test_asking_for_an_unknown_task_is_refused(ask):
    with pytest.raises(UnknownTask, match="no task 'b'"):
        getattr(TaskGraph([task("a")]), ask)("b")


@pytest.mark.parametrize("ask", ["ready", "finishable", "blocked"])
def test_states_must_be_complete_and_known(ask):
    graph = pair(FS)
    with pytest.raises(StateMissing, match="state of task 'second' is not given"):
        getattr(graph, ask)({"first": "completed"})
    with pytest.raises(StateUnknown, match="'second' is in state 'done'"):
        getattr(graph, ask)({"first": "completed", "second": "done"})


# Order


def test_levels_hold_tasks_whose_predecessors_come_earlier():
    graph = TaskGraph(
        [task("report", "match", "load"), task("load"), task("match", "load"), task("rates")]
    )
    assert graph.levels == (("load", "rates"), ("match",), ("report",))
    assert graph.order == ("load", "rates", "match", "report")
    assert list(graph.tasks) == ["report", "load", "match", "rates"]


def test_an_empty_graph_has_no_levels():
    graph = TaskGraph([])
    assert graph.levels == ()
    assert graph.ready({}) == ()
    assert graph.blocked({}) == {}


@given(tasks())
def test_the_level_of_a_task_is_its_longest_chain_of_predecessors(given_tasks):
    by_id = {task.id: task for task in given_tasks}

    def depth(task_id):
        before = by_id[task_id].dependencies
        return max((depth(link.predecessor) + 1 for link in before), default=0)

    graph = TaskGraph(given_tasks)
    found = {task_id: level for level, ids in enumerate(graph.levels) for task_id in ids}
    assert found == {task_id: depth(task_id) for task_id in by_id}
    for level in graph.levels:
        assert list(level) == [task.id for task in given_tasks if task.id in level]


def reaches(by_id, start, goal):
    """Whether ``start`` waits for ``goal``, by plain search."""
    return any(
        link.predecessor == goal or reaches(by_id, link.predecessor, goal)
        for link in by_id[start].dependencies
    )


@given(tasks())
def test_downstream_and_upstream_are_the_closure_of_dependencies(given_tasks):
    graph = TaskGraph(given_tasks)
    by_id = {task.id: task for task in given_tasks}
    for one in by_id:
        assert graph.downstream(one) == tuple(t for t in graph.order if reaches(by_id, t, one))
        assert graph.upstream(one) == tuple(t for t in graph.order if reaches(by_id, one, t))


def test_a_chain_of_thousands_of_tasks_is_no_trouble():
    chain = [task("t0"), *(task(f"t{n}", f"t{n - 1}") for n in range(1, 5_000))]
    graph = TaskGraph(chain)
    assert len(graph.levels) == 5_000
    with pytest.raises(DependencyCycle):
        TaskGraph([task("t0", "t4999"), *chain[1:]])


# What may start and finish

FINISHED = {"completed", "completed_with_warning", "skipped"}
UNDER_WAY = {"in_progress", "submitted", "returned"}
STARTED = FINISHED | UNDER_WAY | {"failed", "stale"}
WAITING = {"pending", "ready", "blocked"}


@pytest.mark.parametrize("state", [state.value for state in TaskState])
@pytest.mark.parametrize(
    ("kind", "starts_after", "finishes_after"),
    [(FS, FINISHED, None), (SS, STARTED, None), (FF, None, FINISHED), (SF, None, STARTED)],
)
def test_each_kind_waits_for_its_event(kind, starts_after, finishes_after, state):
    graph = pair(kind)
    is_ready = "second" in graph.ready({"first": state, "second": "pending"})
    is_finishable = "second" in graph.finishable({"first": state, "second": "in_progress"})
    assert is_ready is (starts_after is None or state in starts_after)
    assert is_finishable is (finishes_after is None or state in finishes_after)


@pytest.mark.parametrize("state", [state.value for state in TaskState])
def test_only_waiting_tasks_start_and_only_tasks_under_way_finish(state):
    graph = TaskGraph([task("alone")])
    assert (graph.ready({"alone": state}) == ("alone",)) is (state in WAITING)
    assert (graph.finishable({"alone": state}) == ("alone",)) is (state in UNDER_WAY)


def test_a_soft_dependency_warns_and_does_not_hold():
    graph = pair(FS, is_hard=False)
    states = {"first": "pending", "second": "pending"}
    assert graph.ready(states) == ("first", "second")
    assert graph.unmet("second", Event.START, states) == graph.task("second").dependencies
    assert graph.unmet("second", Event.FINISH, states) == ()
    assert graph.unmet("second", Event.START, states | {"first": "completed"}) == ()


@given(tasks(), st.data())
def test_ready_and_finishable_follow_the_hard_dependencies(given_tasks, data):
    states = {task.id: data.draw(STATES) for task in given_tasks}
    graph = TaskGraph(given_tasks)

    def held(task, event):
        met = {"finish": FINISHED, "start": STARTED}
        return [
            link
            for link in task.dependencies
            if link.kind.value.endswith(f"_{event}")
            and states[link.predecessor] not in met[link.kind.value.split("_")[0]]
        ]

    def free(event, among):
        return {
            task.id
            for task in given_tasks
            if states[task.id] in among and not any(link.is_hard for link in held(task, event))
        }

    assert set(graph.ready(states, NoLags())) == free("start", WAITING)
    assert set(graph.finishable(states, NoLags())) == free("finish", UNDER_WAY)
    for task in given_tasks:
        for event in Event:
            unmet = graph.unmet(task.id, event, states, NoLags())
            assert unmet == tuple(held(task, event.value))


# Lags

BERLIN = BusinessCalendar(zone_named("Europe/Berlin"))
FRIDAY_16 = datetime(2026, 1, 30, 15, tzinfo=UTC)  # 16:00 in Berlin, an hour before closing


@pytest.mark.parametrize(
    ("kind", "now", "is_ready"),
    [
        (FS, datetime(2026, 2, 2, 8, 29, tzinfo=UTC), False),  # Monday 09:29: 89 minutes
        (FS, datetime(2026, 2, 2, 8, 30, tzinfo=UTC), True),
        (SS, datetime(2026, 1, 30, 15, 29, tzinfo=UTC), False),  # started an hour earlier
        (SS, datetime(2026, 1, 30, 15, 30, tzinfo=UTC), True),
    ],
)
def test_a_lag_is_waited_for_in_business_minutes(kind, now, is_ready):
    clock = LagClock(
        BERLIN,
        now,
        started_at={"first": datetime(2026, 1, 30, 14, tzinfo=UTC)},
        finished_at={"first": FRIDAY_16},
    )
    graph = pair(kind, lag_minutes=90)
    states = {"first": "completed", "second": "pending"}
    assert (graph.ready(states, clock) == ("second",)) is is_ready


def test_a_lag_is_not_judged_before_its_event_has_happened():
    graph = pair(FS, lag_minutes=5)
    assert graph.ready({"first": "in_progress", "second": "pending"}) == ()


def test_a_lag_without_a_clock_or_an_instant_is_refused():
    graph = pair(FS, lag_minutes=5)
    states = {"first": "completed", "second": "pending"}
    with pytest.raises(LagUndecidable, match="lag after task 'first'"):
        graph.ready(states)
    with pytest.raises(LagUndecidable, match="lag after task 'first'"):
        graph.ready(states, LagClock(BERLIN, FRIDAY_16, {"first": FRIDAY_16}, {}))


# What is blocked


def test_a_failed_task_blocks_everything_after_it_and_siblings_go_on():
    graph = TaskGraph(
        [
            task("import"),
            task("match", "import"),
            task("rates", "import"),
            task("classify", "match"),
            task("report", "classify", "rates"),
        ]
    )
    states = dict.fromkeys(graph.tasks, "pending") | {"import": "completed", "match": "failed"}
    blocked = graph.blocked(states)
    assert list(blocked) == ["classify", "report"]
    assert {blockage.root_causes for blockage in blocked.values()} == {("match",)}
    assert {blockage.prevents for blockage in blocked.values()} == {Event.START}
    assert graph.ready(states) == ("rates",)


def test_several_root_causes_are_all_named():
    graph = TaskGraph([task("b"), task("a"), task("both", "b", "a"), task("last", "both")])
    states = {"a": "cancelled", "b": "failed", "both": "blocked", "last": "pending"}
    assert {name: found.root_causes for name, found in graph.blocked(states).items()} == {
        "both": ("a", "b"),
        "last": ("a", "b"),
    }


@pytest.mark.parametrize(
    ("kind", "state_of_first", "prevents"),
    [
        (FS, "failed", Event.START),
        (SS, "failed", None),
        (FF, "failed", Event.FINISH),
        (SF, "failed", None),
        (FS, "cancelled", Event.START),
        (SS, "cancelled", Event.START),
        (FF, "cancelled", Event.FINISH),
        (SF, "cancelled", Event.FINISH),
        (FS, "stale", None),
        (FS, "completed", None),
        (FS, "skipped", None),
    ],
)
def test_what_a_dead_task_prevents_depends_on_the_kind(kind, state_of_first, prevents):
    blocked = pair(kind).blocked({"first": state_of_first, "second": "pending"})
    assert (blocked["second"].prevents if blocked else None) is prevents


def test_a_task_under_way_behind_a_failed_one_is_not_blocked_again():
    states = {"first": "failed", "second": "in_progress"}
    assert pair(FS).blocked(states) == {}
    assert pair(FF).blocked(states)["second"].prevents is Event.FINISH


def test_what_prevents_the_start_is_named_before_what_prevents_the_finish():
    links = (Dependency("start", FS), Dependency("finish", FF))
    graph = TaskGraph([task("start"), task("finish"), Task("held", 60, links)])
    blocked = graph.blocked({"start": "failed", "finish": "failed", "held": "pending"})
    assert blocked["held"] == Blockage(Event.START, ("start",))


def test_a_retry_lifts_the_blockage():
    assert pair(FS).blocked({"first": "in_progress", "second": "blocked"}) == {}


@given(tasks(), st.data())
def test_blocked_is_the_closure_of_what_can_no_longer_happen(given_tasks, data):
    states = {task.id: data.draw(STATES) for task in given_tasks}
    by_id = {task.id: task for task in given_tasks}
    dead = {"failed", "cancelled"}

    def causes(task_id, event):
        """Dead tasks without which this event cannot happen, by plain recursion."""
        state = states[task_id]
        if state in FINISHED or (event == "start" and state in STARTED):
            return set()
        if state in dead:
            return {task_id}
        found = set() if event == "start" else causes(task_id, "start")
        for link in by_id[task_id].dependencies:
            awaited, held = link.kind.value.split("_")
            if link.is_hard and held == event:
                found |= causes(link.predecessor, awaited)
        return found

    expected = {}
    for task_id, state in states.items():
        start, finish = causes(task_id, "start"), causes(task_id, "finish")
        if state not in dead and finish:
            expected[task_id] = ("start" if start else "finish", sorted(start or finish))
    found = TaskGraph(given_tasks).blocked(states)
    assert {
        name: (blockage.prevents.value, list(blockage.root_causes))
        for name, blockage in found.items()
    } == expected
