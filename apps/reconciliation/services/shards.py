"""A large run, shard by shard: each is matched by one worker, and the last one has it finished.

The process at work on a shard holds a session advisory lock, as close tasks do: if it dies, the
lock is gone at once and the shard is handed out again. What a shard found counts only if its
attempt is still the latest and its plan still stands, so that a second delivery, or a worker that
wakes up late, changes nothing.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import polars as pl
from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.advisory import is_held, session_lock
from apps.common.errors import Refusal
from apps.common.transitions import advance
from apps.operations.services import enqueue
from apps.reconciliation.errors import ProofFailed, ShardUnreadable
from apps.reconciliation.locks import FINISHING, SHARD_AT_WORK, plan_for_update, run_for_execution
from apps.reconciliation.matching import ItemsInvalid, Matched, NotOptimal, RuleSet
from apps.reconciliation.matching import shards as kernel
from apps.reconciliation.matching.schemas import Ints
from apps.reconciliation.matching.splitting import Split
from apps.reconciliation.models import Run, Shard, ShardPlan
from apps.reconciliation.selectors.sharding import (
    copies_in_shards,
    digest_of,
    shard_items,
    taken_items,
)
from apps.reconciliation.services.by_hand import hand_work, put_back
from apps.reconciliation.services.completion import complete_run, fail_run
from apps.reconciliation.services.learning import rules_to_run
from apps.reconciliation.services.phases import tell, watching
from apps.reconciliation.services.planning import hand_digest, readers, split_of
from apps.reconciliation.services.shard_files import (
    forget_found,
    keep_found,
    keep_items,
    opened,
    opened_items,
)
from apps.reconciliation.states import MOST_ATTEMPTS, RUN_MOVES, RunPhase, RunStatus, Side

EXECUTE_TASK = "apps.reconciliation.tasks.execute_run"
_SHARD_TASK = "apps.reconciliation.tasks.match_shard"
_FINISH_TASK = "apps.reconciliation.tasks.finish_run"
_FORGET_TASK = "apps.reconciliation.tasks.forget_shards"
_PATIENCE = timedelta(seconds=30)  # until work that nobody has begun is handed out again
_POLL_SECONDS = 0.2
_OPENED_AT_ONCE = 2  # what shards found; it lies in memory sealed and opened for that moment
_BROKE_OFF = f"broke off {MOST_ATTEMPTS} times. Look into the log, then start the run again."


def hand_out(run: Run, plan: ShardPlan) -> None:
    """Set a locked run going: every shard is a task."""
    advance(run, to=RunStatus.RUNNING, moves=RUN_MOVES)
    run.save(update_fields=["status", "division"])
    record(
        actor=run.requested_by,
        action="reconciliation.run.split",
        subject=run,
        division=run.division,
    )
    for shard in plan.shards.all():
        enqueue(_SHARD_TASK, shard_id=shard.pk)


def match_shard(*, shard_id: int) -> bool:
    """Match the records of a shard, and keep what was found.

    A refusal fails the run. Nothing is done if the shard is through, gone, or in other hands.

    Returns:
        Whether it was for us to do.
    """
    with session_lock(SHARD_AT_WORK, shard_id) as is_ours:
        shard = _attempted(shard_id) if is_ours else None
        if shard is None:
            return False
        if shard.attempt_count > MOST_ATTEMPTS:
            _break_off(shard.plan.run_id, f"Work on shard {shard.number} {_BROKE_OFF}")
            return True
        others = _to_be_read_along(shard)
        try:
            found = _matched(shard, others)
        except Refusal as refusal:
            _break_off(shard.plan.run_id, refusal.words)
        except (ItemsInvalid, NotOptimal) as fault:
            _break_off(shard.plan.run_id, str(fault))
        else:
            _hand_in(shard, found)
        if not ShardPlan.objects.filter(pk=shard.plan_id).exists():
            forget_found(each.items_name for each in others)  # nobody will begin them
        return True


def finish_run(*, run_id: int) -> bool:
    """Join what the shards found, match on, and complete the run, all in one transaction.

    If people changed an outcome of the match type meanwhile, the run is planned anew.

    Returns:
        Whether it was for us to do.
    """
    with session_lock(FINISHING, run_id) as is_ours:
        plan = _finish_attempted(run_id) if is_ours else None
        if plan is None:
            return False
        if plan.attempt_count > MOST_ATTEMPTS:
            _break_off(run_id, f"Joining what the shards found {_BROKE_OFF}")
        else:
            _finish(run_id)
        return True


def help_out(run: Run) -> None:
    """Do something of what the run waits for, here; where all is in other hands, wait a moment.

    That is its own shards, or those of another run of the match type that is at work.
    """
    plan = ShardPlan.objects.filter(run__match_type_id=run.match_type_id).first()
    if plan is None:
        return
    waiting = plan.shards.filter(finished_at__isnull=True).values_list("pk", flat=True)
    done = [match_shard(shard_id=shard_id) for shard_id in list(waiting)]
    if not finish_run(run_id=plan.run_id) and not any(done):
        time.sleep(_POLL_SECONDS)


def resume_runs() -> list[int]:
    """Hand out again what dead workers and lost deliveries left; the beat calls it.

    Returns:
        Ids of the runs.
    """
    plans = list(ShardPlan.objects.order_by("pk").values_list("pk", flat=True))
    return [run_id for plan_id in plans if (run_id := _resumed(plan_id))]


@transaction.atomic
def _attempted(shard_id: int) -> Shard | None:
    """The shard, its attempt counted before the work; None if there is nothing to do."""
    shard: Shard | None = (
        Shard.objects.select_for_update(of=("self",))
        .select_related("plan__run__match_type", "plan__run__rule_set")
        .filter(pk=shard_id, finished_at__isnull=True)
        .first()
    )
    if shard is not None:
        shard.attempt_count += 1
        shard.started_at = timezone.now()
        shard.save(update_fields=["attempt_count", "started_at"])
    return shard


def _matched(shard: Shard, others: list[Shard]) -> kernel.ShardOutcome:
    split = split_of(shard.plan)
    left, right = _items(shard, others, split)
    if digest_of(left, right) != shard.digest:
        raise ProofFailed(f"Shard {shard.number} holds other records than when it was planned.")
    return kernel.match_shard(left, right, rules_to_run(shard.plan.run.rule_set), split)


def _items(shard: Shard, others: list[Shard], split: Split) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The shard's records: kept by a worker that read them with its own, or read here.

    To read one shard's is to go through all records and to open each sealed block, so whoever has
    to do so keeps what belongs to the others.
    """
    try:
        return opened_items(shard.items_name)
    except ShardUnreadable:
        numbers = [each.number for each in (shard, *others)]
    found = shard_items(shard.plan, numbers, split)
    for other in others:
        keep_items(other.items_name, *found.pop(other.number))
    return found[shard.number]


def _to_be_read_along(shard: Shard) -> list[Shard]:
    """Of the shards that nobody has begun, those that fall to this one."""
    shards = list(shard.plan.shards.order_by("number"))
    count = readers(len(shards))
    fall_to = shards[shard.number + count :: count] if shard.number < count else []
    return [each for each in fall_to if each.attempt_count == 0]


def _hand_in(shard: Shard, found: kernel.ShardOutcome) -> None:
    name = shard.file_name(shard.attempt_count)
    keep_found(name, found)
    if _noted(shard):
        forget_found([shard.items_name])
    else:
        forget_found([name])


@transaction.atomic
def _noted(shard: Shard) -> bool:
    """Whether the shard is through by this attempt; if it is the last one, the run is finished."""
    plan = plan_for_update(shard.plan_id)
    mine = Shard.objects.filter(
        pk=shard.pk, attempt_count=shard.attempt_count, finished_at__isnull=True
    )
    if plan is None or not mine.update(finished_at=timezone.now()):
        return False
    if not plan.shards.filter(finished_at__isnull=True).exists():
        plan.handed_at = timezone.now()
        plan.save(update_fields=["handed_at"])
        enqueue(_FINISH_TASK, run_id=plan.run_id)
    return True


@transaction.atomic
def _finish_attempted(run_id: int) -> ShardPlan | None:
    """The plan, the attempt counted before the work; None while shards are at work, or after."""
    plan_id = ShardPlan.objects.filter(run_id=run_id).values_list("pk", flat=True).first()
    plan = plan_for_update(plan_id) if plan_id else None
    if plan is None or plan.shards.filter(finished_at__isnull=True).exists():
        return None
    plan.attempt_count += 1
    plan.save(update_fields=["attempt_count"])
    return plan


@transaction.atomic
def _finish(run_id: int) -> None:
    run = run_for_execution(run_id)
    plan = ShardPlan.objects.filter(run=run).first()
    if plan is None:
        return
    plan.run = run
    if plan.hand_digest != hand_digest(run):
        advance(run, to=RunStatus.QUEUED, moves=RUN_MOVES)
        run.save(update_fields=["status"])
        record(actor=run.requested_by, action="reconciliation.run.replan", subject=run)
    else:
        try:
            with transaction.atomic():
                _complete(run, plan)
        except Refusal as refusal:
            fail_run(run, refusal.words)
        except (ItemsInvalid, NotOptimal) as fault:
            fail_run(run, str(fault))
    _clear_away(plan)


def _complete(run: Run, plan: ShardPlan) -> None:
    tell(run, RunPhase.FINISHING)
    rules = rules_to_run(run.rule_set)
    found, ids = _joined(run, plan, rules)
    carried = plan.carried_ids
    counts = len(carried[Side.LEFT]), len(carried[Side.RIGHT])
    complete_run(run, found, rules, ids=ids, carried_counts=counts)


def _joined(run: Run, plan: ShardPlan, rules: RuleSet) -> tuple[Matched, tuple[Ints, Ints]]:
    """What was found in all shards and after them, and the records of either side.

    The shards' own frames are let go when this ends, before anything is stored.
    """
    split = split_of(plan)
    shards = list(plan.shards.all())
    names = [shard.file_name(shard.attempt_count) for shard in shards]
    taken = taken_items(plan)
    with ThreadPoolExecutor(_OPENED_AT_ONCE) as beside:
        found = kernel.joined(list(beside.map(opened, names)))
    copies = copies_in_shards(plan, found, split)
    watch = watching(run, sum(shard.row_count for shard in shards))
    matched = kernel.finished(found, copies, rules, split, as_of=run.ends_on, watch=watch)
    ids = _ids(found, taken)
    turned = taken[Side.RIGHT].with_columns(pl.col("amount") * rules.right_sign)
    by_hand = {Side.LEFT.value: taken[Side.LEFT], Side.RIGHT.value: turned}
    matched = put_back(
        matched,
        hand_work(run, lambda: ids),
        run,
        rules,
        totals=_with(kernel.totals(found), by_hand),
        currencies=_with(kernel.currencies(found), by_hand),
    )
    return matched, ids


def _ids(found: kernel.ShardOutcome, taken: dict[str, pl.DataFrame]) -> tuple[Ints, Ints]:
    left, right = (pl.concat([found.ids(side), taken[side]["id"]]).sort() for side in Side)
    return left.to_numpy(), right.to_numpy()


def _with(
    frames: dict[str, pl.DataFrame], others: dict[str, pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    return {
        side: pl.concat([frame, others[side].select(frame.columns)])
        for side, frame in frames.items()
    }


@transaction.atomic
def _break_off(run_id: int, failure: str) -> None:
    """Fail a run whose shards are at work; what the others find is dropped."""
    run = run_for_execution(run_id)
    plan = ShardPlan.objects.filter(run=run).first()
    if plan is not None:
        fail_run(run, failure)
        _clear_away(plan)


def _clear_away(plan: ShardPlan) -> None:
    """Drop the plan with all that was found, and let the match type's next run begin."""
    names = [
        shard.file_name(attempt + 1)
        for shard in plan.shards.all()
        for attempt in range(shard.attempt_count)
    ]
    names += [shard.items_name for shard in plan.shards.all()]
    match_type_id = plan.run.match_type_id
    plan.delete()
    enqueue(_FORGET_TASK, names=names)
    queued = Run.objects.filter(match_type_id=match_type_id, status=RunStatus.QUEUED)
    for run in queued.order_by("pk"):
        enqueue(EXECUTE_TASK, run_id=run.pk)


@transaction.atomic
def _resumed(plan_id: int) -> int | None:
    """Hand out what of a plan nobody works on; the run's id, or None if all is well."""
    plan = plan_for_update(plan_id)
    if plan is None:
        return None
    is_long_handed = plan.handed_at < timezone.now() - _PATIENCE
    unfinished = list(plan.shards.filter(finished_at__isnull=True))
    idle = [shard for shard in unfinished if not is_held(SHARD_AT_WORK, shard.pk)]
    if not unfinished:
        if is_long_handed and not is_held(FINISHING, plan.run_id):
            return _handed_again(plan, [])
        return None
    died = [shard for shard in idle if shard.started_at]
    if is_long_handed and len(idle) == len(unfinished):
        return _handed_again(plan, idle)
    return _handed_again(plan, died) if died else None


def _handed_again(plan: ShardPlan, shards: list[Shard]) -> int:
    """Hand these shards out again; without any, the end of the run."""
    for shard in shards:
        shard.started_at = None  # or every beat would take it for interrupted until it is begun
        shard.save(update_fields=["started_at"])
        enqueue(_SHARD_TASK, shard_id=shard.pk)
    if not shards:
        enqueue(_FINISH_TASK, run_id=plan.run_id)
    plan.handed_at = timezone.now()
    plan.save(update_fields=["handed_at"])
    return int(plan.run_id)
