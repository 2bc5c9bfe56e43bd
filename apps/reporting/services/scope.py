"""Evidence sections on what was examined: controls, population, sources."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import groupby

from django.db.models import Count, Max, Min

from apps.close.models import CloseTask
from apps.close.states import DONE
from apps.compliance.models import Control as ControlRow
from apps.compliance.selectors import controls_of
from apps.compliance.states import Assertion
from apps.identity.models import Entity
from apps.ingestion.models import Batch
from apps.ledger.models import JournalEntry, JournalLine, Period
from apps.ledger.selectors import account_balances, trial_balance
from apps.ledger.states import EntryStatus
from apps.reporting.documents import (
    Control,
    DataSource,
    Money,
    Omission,
    Population,
    PopulationLine,
    RollForwardLine,
)
from apps.reporting.states import EVIDENCE_HANDLER

_NOTHING = Decimal(0)


def controls(entity: Entity, tasks: Sequence[CloseTask]) -> tuple[Control, ...] | Omission:
    """The entity's controls as they are in force, and what their tasks came to."""
    rows = controls_of(entity.pk)
    if not rows:
        return Omission("No control is described for this entity.")
    return tuple(_control(row, tasks) for row in rows)


def _control(row: ControlRow, tasks: Sequence[CloseTask]) -> Control:
    return Control(
        identifier=row.identifier,
        name=row.name,
        objective=row.objective,
        risk=row.risk,
        assertions=tuple(str(Assertion(value).label) for value in row.assertions),
        coso_principle=row.coso_principle,
        nature=row.get_nature_display(),
        automation=row.get_automation_display(),
        is_key=row.is_key,
        frequency=row.frequency,
        owner=row.owner_role,
        version=str(row.version),
        result=_result([task for task in tasks if task.key in row.task_keys]),
    )


def _result(tasks: Sequence[CloseTask]) -> str:
    """How many tasks are done, and which are not; the one that makes this document is at work."""
    if not tasks:
        return "no task of this close carries it out"
    left = [
        f"{task.name} (makes this document)"
        if task.handler == EVIDENCE_HANDLER
        else f"{task.name} ({task.get_status_display().lower()})"
        for task in tasks
        if task.status not in DONE or task.handler == EVIDENCE_HANDLER
    ]
    done = f"{len(tasks) - len(left)} of {len(tasks)} tasks done"
    return f"{done}; not yet: {', '.join(left)}" if left else done


# --- Population -----------------------------------------------------------------------------


def population(entity: Entity, period: Period) -> Population | Omission:
    """All posted entries of the period, and the roll-forward of every account."""
    numbers = list(
        JournalEntry.objects.filter(period=period, status=EntryStatus.POSTED)
        .order_by("number")
        .values_list("number", flat=True)
    )
    if not numbers:
        return Omission("Nothing was posted in the period.")
    return Population(
        definition=(
            f"All journal entries posted to {period.name} of {entity.name}; posting numbers them"
            " within the period from 1."
        ),
        lines=_population_lines(entity, period, numbers),
        roll_forward=_roll_forward(entity, period),
    )


def _population_lines(
    entity: Entity, period: Period, numbers: Sequence[int]
) -> tuple[PopulationLine, ...]:
    """One line a currency; the gaps are those of the period's numbers and told once."""
    activity = trial_balance(entity_id=entity.pk, as_of=period.ends_on)
    counts = (
        JournalLine.objects.filter(entry__period=period, entry__status=EntryStatus.POSTED)
        .values("currency")
        .annotate(
            entries=Count("entry", distinct=True),
            first=Min("entry__number"),
            last=Max("entry__number"),
        )
        .order_by("currency")
    )
    gaps = number_gaps(numbers)
    return tuple(
        PopulationLine(
            name=f"Posted journal entries, {row['currency']}",
            count=row["entries"],
            debits=Money(
                sum((r.debit for r in activity if r.currency == row["currency"]), _NOTHING),
                row["currency"],
            ),
            credits=Money(
                sum((r.credit for r in activity if r.currency == row["currency"]), _NOTHING),
                row["currency"],
            ),
            first_id=str(row["first"]),
            last_id=str(row["last"]),
            gaps=gaps if place == 0 else (),
        )
        for place, row in enumerate(counts)
    )


def number_gaps(numbers: Sequence[int]) -> tuple[str, ...]:
    """What is missing between 1 and the last of the ascending numbers: "3", "7 to 9"."""
    present = set(numbers)
    missing = [number for number in range(1, numbers[-1] + 1) if number not in present]
    runs = (
        [number for _, number in run]
        for _, run in groupby(enumerate(missing), key=lambda pair: pair[1] - pair[0])
    )
    return tuple(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _roll_forward(entity: Entity, period: Period) -> tuple[RollForwardLine, ...]:
    """Opening, activity and closing of each account, each summed from the lines by itself.

    The trial balance would derive closing from opening and activity, and so always agree.
    """
    before = period.starts_on - timedelta(days=1)
    opening = {
        (balance.account.pk, balance.currency): balance.balance
        for balance in account_balances(entity_id=entity.pk, as_of=before)
    }
    activity = {
        (row.account.pk, row.currency): row
        for row in trial_balance(entity_id=entity.pk, as_of=period.ends_on)
    }
    lines = []
    for balance in account_balances(entity_id=entity.pk, as_of=period.ends_on):
        key = (balance.account.pk, balance.currency)
        row = activity.get(key)
        lines.append(
            RollForwardLine(
                entity=entity.code,
                account=str(balance.account),
                opening=opening.get(key, _NOTHING),
                debits=row.debit if row else _NOTHING,
                credits=row.credit if row else _NOTHING,
                closing=balance.balance,
                currency=balance.currency,
            )
        )
    return tuple(lines)


# --- Sources --------------------------------------------------------------------------------


def data_sources(batches: Sequence[Batch]) -> tuple[DataSource, ...] | Omission:
    """The files that the period's figures come from, with their control totals and digests."""
    if not batches:
        return Omission("No file was imported for the period.")
    return tuple(
        DataSource(
            report=batch.filename,
            version=batch.format,
            system=batch.source.name,
            query_text=batch.query_text or _reading(batch),
            parameters=tuple(sorted((key, str(value)) for key, value in batch.parameters.items())),
            filters="none: every line of the file was read",
            row_count=batch.line_count,
            rejected_count=batch.rejected_count,
            control_totals=tuple(
                Money(Decimal(total), currency)
                for currency, total in sorted(batch.control_totals.items())
            ),
            run_by=str(batch.imported_by),
            run_at=batch.imported_at,
            snapshot=f"batch {batch.pk}, {batch.size_bytes:,} bytes",
            content_sha256=batch.sha256,
        )
        for batch in batches
    )


def _reading(batch: Batch) -> str:
    """What stands for a query where a file came in: how exactly it was read."""
    rule = {"format": batch.format, "conventions": batch.conventions, "mapping": batch.mapping}
    return "\n".join(
        f"{name}: {json.dumps(value, sort_keys=True, ensure_ascii=False)}"
        for name, value in rule.items()
    )
