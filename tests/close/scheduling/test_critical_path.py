"""The critical path against its definition: what happens to the end when a task slips."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.close.scheduling import (
    Dependency,
    DependencyKind,
    MinutesNegative,
    Plan,
    Progress,
    ProgressInvalid,
    Task,
    TaskAlreadyFinished,
    TaskGraph,
    UnknownTask,
    impact_of_delay,
    schedule,
)
from apps.common.calendar import BusinessCalendar, InstantNaive, zone_named
from tests.close.scheduling.graphs import tasks

MINUTE = timedelta(minutes=1)
START = datetime(2026, 1, 30, 8, tzinfo=UTC)  # a Friday, 09:00 in Berlin
ALWAYS = BusinessCalendar(
    zone_named("UTC"), frozenset(range(7)), opens_at=time(0), closes_at=time(0)
)
OFFICE = BusinessCalendar(zone_named("Europe/Berlin"))


def plan_of(*given_tasks, calendar=ALWAYS, now=START, progress=None, starts_at=START):
    return Plan(TaskGraph(given_tasks), calendar, starts_at, now, progress or {})


def task(task_id, minutes, *after, kind=DependencyKind.FINISH_START, lag_minutes=0):
    return Task(task_id, minutes, tuple(Dependency(a, kind, lag_minutes) for a in after))


def minutes_since_start(instant):
    return int((instant - START) / MINUTE)


# The oracle: spans in minutes, by repeating every rule until nothing moves.


def oracle(plan, slipping="", slip=0):
    """Earliest (start, finish) of each task if ``slipping`` happens ``slip`` minutes late."""
    floor = max(minutes_since_start(plan.now), minutes_since_start(plan.starts_at))
    spans = dict.fromkeys(plan.graph.tasks, (-(10**6), -(10**6)))
    while True:
        moved = {
            task_id: oracle_span(plan, task, spans, floor, slip if task_id == slipping else 0)
            for task_id, task in plan.graph.tasks.items()
        }
        if moved == spans:
            return spans
        spans = moved


def oracle_span(plan, task, spans, floor, slip):
    holds = {"start": [floor], "finish": []}
    for link in task.dependencies:
        awaited, held = link.kind.value.split("_")
        if link.is_hard:
            event = spans[link.predecessor][awaited == "finish"]
            holds[held].append(event + link.lag_minutes)
    progress = plan.progress.get(task.id)
    if progress is None:
        by_finish = [finish - task.duration_minutes for finish in holds["finish"]]
        start = max(holds["start"] + by_finish) + slip
        return start, start + task.duration_minutes
    start = minutes_since_start(progress.started_at)
    if progress.finished_at is not None:
        return start, minutes_since_start(progress.finished_at)
    needed = progress.remaining_minutes
    expected = start + (task.duration_minutes if needed is None else needed)
    return start, max([expected, minutes_since_start(plan.now), *holds["finish"]]) + slip


@st.composite
def plans(draw):
    """A plan around the clock, part of whose tasks have begun or finished."""
    given_tasks = draw(tasks())
    now = draw(st.integers(0, 300))
    progress = {}
    for each in given_tasks:
        state = draw(st.sampled_from(["ahead", "ahead", "begun", "finished"]))
        if state != "ahead":
            started = draw(st.integers(0, now))
            progress[each.id] = Progress(
                START + started * MINUTE,
                START + draw(st.integers(started, now)) * MINUTE if state == "finished" else None,
                draw(st.none() | st.integers(0, 200)),
            )
    return plan_of(*given_tasks, now=START + now * MINUTE, progress=progress)


def finished(plan, task_id):
    return task_id in plan.progress and plan.progress[task_id].finished_at is not None


@given(plans())
def test_earliest_times_obey_every_rule_and_no_more(plan):
    found = schedule(plan)
    expected = oracle(plan)
    assert list(found.timings) == list(plan.graph.order)
    for task_id, timing in found.timings.items():
        times = (timing.earliest_start_at, timing.earliest_finish_at)
        assert tuple(map(minutes_since_start, times)) == expected[task_id]
    assert minutes_since_start(found.finish_at) == max(finish for _, finish in expected.values())


@given(plans())
def test_total_slack_is_how_far_a_task_slips_before_the_end_does(plan):
    end = max(finish for _, finish in oracle(plan).values())
    for task_id, timing in schedule(plan).timings.items():
        slack = timing.total_slack // MINUTE
        assert timing.latest_finish_at - timing.earliest_finish_at == timing.total_slack
        assert timing.is_critical is (slack == 0 and not finished(plan, task_id))
        if finished(plan, task_id):
            assert slack == 0
            continue
        begun = task_id in plan.progress
        assert (timing.latest_start_at - timing.earliest_start_at) // MINUTE == (
            0 if begun else slack
        )
        assert max(finish for _, finish in oracle(plan, task_id, slack).values()) == end
        assert max(finish for _, finish in oracle(plan, task_id, slack + 1).values()) > end


@given(plans())
def test_free_slack_is_how_far_a_task_slips_before_any_other_does(plan):
    def others(slipping, slip):
        spans = oracle(plan, slipping, slip)
        end = max(finish for _, finish in spans.values())
        return {name: span for name, span in spans.items() if name != slipping}, end

    for task_id, timing in schedule(plan).timings.items():
        slack = timing.free_slack // MINUTE
        assert timing.free_slack <= timing.total_slack
        if not finished(plan, task_id):
            assert others(task_id, slack) == others(task_id, 0)
            assert others(task_id, slack + 1) != others(task_id, 0)


@given(plans())
def test_critical_paths_lead_over_tight_links_to_the_end(plan):
    found = schedule(plan)
    spans = oracle(plan)
    end = max(finish for _, finish in spans.values())
    paths = list(islice(found.critical_paths(), 1_000))
    assert len(set(paths)) == len(paths)
    assert {task_id for path in paths for task_id in path} == set(found.critical_tasks)
    for path in paths:
        assert spans[path[-1]][1] == end
        for one, following in pairwise(path):
            assert oracle(plan, one, 1)[following] != spans[following]
    for path in paths:
        for other in found.critical_tasks:  # a head is driven by no other critical task
            if other != path[0] and path[0] in dict(plan.graph.successors(other)):
                assert path[0] not in found.driving[other]


@given(plans(), st.integers(0, 500), st.data())
def test_the_impact_of_a_delay_is_the_recomputed_schedule_minus_the_baseline(plan, delay, data):
    task_id = data.draw(st.sampled_from(list(plan.graph.tasks)))
    if finished(plan, task_id):
        with pytest.raises(TaskAlreadyFinished, match=f"{task_id!r} has finished"):
            impact_of_delay(plan, task_id, delay)
        return
    impact = impact_of_delay(plan, task_id, delay)
    longer = with_more_time(plan, task_id, delay)
    before, after = oracle(plan), oracle(longer)
    ends = [max(finish for _, finish in spans.values()) for spans in (before, after)]
    assert impact.finish_shift // MINUTE == ends[1] - ends[0]
    assert minutes_since_start(impact.finish_at) == ends[1]
    shifts = {name: shift // MINUTE for name, shift in impact.shifts.items()}
    moved = {name: after[name][1] - before[name][1] for name in before}
    assert shifts == {name: minutes for name, minutes in moved.items() if minutes}


def with_more_time(plan, task_id, delay):
    """The same plan, in which a task is known to need more time."""
    if task_id in plan.progress:
        progress = plan.progress[task_id]
        own = plan.graph.task(task_id).duration_minutes
        needed = own if progress.remaining_minutes is None else progress.remaining_minutes
        begun = minutes_since_start(progress.started_at)
        expected = max(begun + needed, minutes_since_start(plan.now))
        changed = replace(progress, remaining_minutes=expected + delay - begun)
        return replace(plan, progress={**plan.progress, task_id: changed})
    longer = [
        replace(each, duration_minutes=each.duration_minutes + delay * (each.id == task_id))
        for each in plan.graph.tasks.values()
    ]
    return replace(plan, graph=TaskGraph(longer))


@given(tasks())
def test_on_a_business_calendar_the_same_minutes_pass_in_office_hours(given_tasks):
    around_the_clock = schedule(plan_of(*given_tasks))
    in_office = schedule(plan_of(*given_tasks, calendar=OFFICE))
    assert in_office.critical_tasks == around_the_clock.critical_tasks
    for task_id, timing in in_office.timings.items():
        plain = around_the_clock.timings[task_id]
        assert timing.total_slack == plain.total_slack
        assert timing.free_slack == plain.free_slack
        for name in ("earliest_finish_at", "latest_finish_at"):
            minutes = minutes_since_start(getattr(plain, name))
            assert getattr(timing, name) == OFFICE.add_business_minutes(START, minutes)
        if timing.earliest_start_at != timing.earliest_finish_at:
            assert OFFICE.next_opening(timing.earliest_start_at) == timing.earliest_start_at
        passed = OFFICE.business_minutes_between(START, timing.earliest_start_at)
        assert passed == minutes_since_start(plain.earliest_start_at)


# Examples that read as rules


def test_a_chain_runs_over_the_weekend_in_office_hours():
    plan = plan_of(task("load", 420), task("match", 120, "load"), calendar=OFFICE)
    timing = schedule(plan).timings["match"]
    assert timing.earliest_start_at == datetime(2026, 1, 30, 15, tzinfo=UTC)
    assert timing.earliest_finish_at == datetime(2026, 2, 2, 9, tzinfo=UTC)


def test_a_task_after_a_full_day_starts_at_the_next_opening_and_a_milestone_the_same_day():
    plan = plan_of(
        task("load", 480), task("match", 60, "load"), task("loaded", 0, "load"), calendar=OFFICE
    )
    timings = schedule(plan).timings
    closing = datetime(2026, 1, 30, 16, tzinfo=UTC)
    assert timings["load"].earliest_finish_at == closing
    assert timings["match"].earliest_start_at == datetime(2026, 2, 2, 8, tzinfo=UTC)
    assert timings["loaded"].earliest_start_at == timings["loaded"].earliest_finish_at == closing


def test_several_critical_paths_are_all_found():
    plan = plan_of(
        task("load", 30),
        task("bank", 60, "load"),
        task("erp", 60, "load"),
        task("rates", 10, "load"),
        task("report", 30, "bank", "erp", "rates"),
    )
    found = schedule(plan)
    assert list(found.critical_paths()) == [("load", "bank", "report"), ("load", "erp", "report")]
    assert found.critical_tasks == ("load", "bank", "erp", "report")
    assert found.timings["rates"].total_slack == timedelta(minutes=50)
    assert found.timings["rates"].free_slack == timedelta(minutes=50)


def test_a_thousand_diamonds_do_not_hang_the_first_critical_paths():
    chain = [task("j0", 1)]
    for n in range(1, 1_000):
        chain += [task(f"{side}{n}", 5, f"j{n - 1}") for side in "ab"]
        chain.append(task(f"j{n}", 1, f"a{n}", f"b{n}"))
    paths = list(islice(schedule(plan_of(*chain)).critical_paths(), 3))
    assert len({path[-2] for path in paths}) == 2
    assert {len(path) for path in paths} == {1_999}


def test_a_running_task_never_finishes_before_now():
    overrun = plan_of(
        task("match", 60),
        task("report", 30, "match"),
        now=START + timedelta(hours=3),
        progress={"match": Progress(START)},
    )
    timings = schedule(overrun).timings
    assert timings["match"].earliest_finish_at == overrun.now
    assert timings["report"].earliest_start_at == overrun.now


def test_what_is_under_way_at_the_weekend_is_not_forecast_for_last_friday():
    sunday = datetime(2026, 2, 1, 12, tzinfo=UTC)
    plan = plan_of(
        task("match", 60),
        task("matched", 0),
        task("report", 60, "match"),
        calendar=OFFICE,
        now=sunday,
        progress={"match": Progress(START)},
    )
    timings = schedule(plan).timings
    assert timings["match"].earliest_finish_at == sunday
    assert timings["matched"].earliest_finish_at == sunday
    assert timings["report"].earliest_start_at == datetime(2026, 2, 2, 8, tzinfo=UTC)


def test_what_began_early_is_not_forecast_for_the_start_of_the_run():
    plan = plan_of(
        task("load", 60),
        task("match", 60),
        now=START + timedelta(hours=2),
        starts_at=START + timedelta(days=1),
        progress={"load": Progress(START)},
    )
    timings = schedule(plan).timings
    assert timings["load"].earliest_finish_at == plan.now
    assert timings["match"].earliest_start_at == plan.starts_at


def test_finished_tasks_keep_their_times_and_are_not_critical():
    berlin = zone_named("Europe/Berlin")
    began, ended = START.astimezone(berlin), (START + timedelta(hours=1)).astimezone(berlin)
    plan = plan_of(
        task("load", 30),
        task("match", 60, "load"),
        now=START + timedelta(hours=2),
        progress={"load": Progress(began, ended)},
    )
    found = schedule(plan)
    load = found.timings["load"]
    assert (load.earliest_start_at, load.latest_finish_at) == (began, ended)
    assert {load.earliest_start_at.tzinfo, load.latest_finish_at.tzinfo} == {UTC}
    assert found.critical_tasks == ("match",)


def test_soft_dependencies_do_not_count():
    soft = Task("report", 30, (Dependency("load", is_hard=False),))
    found = schedule(plan_of(task("load", 60), soft))
    assert found.timings["report"].earliest_start_at == START
    assert list(found.critical_paths()) == [("load",)]


def test_an_empty_graph_finishes_when_it_may_start():
    later = START + timedelta(days=1)
    found = schedule(plan_of(starts_at=later))
    assert found.finish_at == later
    assert list(found.critical_paths()) == []


def test_a_delay_inside_the_slack_moves_nothing_else():
    plan = plan_of(
        task("bank", 60), task("rates", 10), task("report", 30, "bank", "rates"), task("file", 5)
    )
    inside = impact_of_delay(plan, "rates", 50)
    assert inside.finish_shift == timedelta(0)
    assert inside.shifts == {"rates": timedelta(minutes=50)}
    beyond = impact_of_delay(plan, "rates", 65)
    assert beyond.finish_shift == timedelta(minutes=15)
    assert beyond.finish_at == START + timedelta(minutes=105)
    assert beyond.shifts == {"rates": timedelta(minutes=65), "report": timedelta(minutes=15)}


@pytest.mark.parametrize(
    ("options", "refusal", "why"),
    [
        ({"progress": {"b": Progress(START)}}, UnknownTask, "no task 'b'"),
        (
            {"progress": {"a": Progress(START, START - MINUTE)}},
            ProgressInvalid,
            "finished before it started",
        ),
        ({"progress": {"a": Progress(START + MINUTE)}}, ProgressInvalid, "in the future"),
        ({"progress": {"a": Progress(START, START + MINUTE)}}, ProgressInvalid, "in the future"),
        (
            {"progress": {"a": Progress(START, None, -1)}},
            MinutesNegative,
            "What remains of 'a' is -1 minutes",
        ),
        ({"now": datetime(2026, 1, 1)}, InstantNaive, "needs a time zone"),
        ({"starts_at": datetime(2026, 1, 1)}, InstantNaive, "needs a time zone"),
        ({"progress": {"a": Progress(datetime(2026, 1, 1))}}, InstantNaive, "needs a time zone"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(options, refusal, why):
    with pytest.raises(refusal, match=why):
        plan_of(task("a", 5), **options)


def test_a_delay_must_be_of_a_known_task_and_not_negative():
    plan = plan_of(task("a", 5))
    with pytest.raises(UnknownTask):
        impact_of_delay(plan, "b", 5)
    with pytest.raises(MinutesNegative, match="The delay of 'a' is -5 minutes"):
        impact_of_delay(plan, "a", -5)
