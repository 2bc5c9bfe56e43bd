"""A small close from files to evidence: books, one reconciliation, an approval, five tasks."""

from __future__ import annotations

from datetime import date
from typing import Any

from analytics.stage import ODD, keep_books, ordinary_sales, period_of, post, sale

from apps.analytics.services import score_period
from apps.approvals.models import Request
from apps.approvals.services import decide, define_policy, request_approval
from apps.close.models import CloseRun, CloseTask, TaskApproval
from apps.close.services import complete_task, define_template, open_run, start_ready_tasks
from apps.compliance.services import define_control
from apps.ingestion.services import define_source, import_file
from apps.ledger.models import JournalEntry
from apps.reconciliation.models import Run
from apps.reconciliation.services import define_match_type, execute_run, explain_break, start_run

APRIL = {"starts_on": date(2023, 4, 1), "ends_on": date(2023, 4, 30)}
ATTESTATION = "I confirm that every difference is explained."
MAPPING: dict[str, Any] = {
    "columns": {
        "external_id": "id",
        "account": "account",
        "booked_on": "date",
        "amount": "amount",
        "currency": "currency",
        "reference": "reference",
        "counterparty": "who",
    },
    "attributes": [],
    "decimal": ".",
    "date_format": "%Y-%m-%d",
    "separator": ",",
}
RULES: dict[str, Any] = {
    "version": "1",
    "sides": {"right_sign": 1},
    "passes": [
        {
            "name": "Exact",
            "kind": "exact",
            "keys": ["reference", "amount"],
            "date_window": {"before_days": 0, "after_days": 0, "unit": "calendar"},
        }
    ],
    "awaited_days": 5,
    "materiality": "500.00",
    "fee_schedules": [],
    "causes": {"duplicate_days": 3, "split_keys": ["reference"]},
}
BANK = (("INV-1", "03", "100.00"), ("INV-2", "04", "50.00"), ("=INV-3", "05", "-12.34"))
LEDGER = (("INV-1", "03", "100.00"), ("INV-2", "04", "57.50"), ("INV-4", "06", "1234.56"))
TASKS: list[dict[str, Any]] = [
    {
        "id": key,
        "name": name,
        "dependencies": list(after),
        "automation": handler != "",
        "duration_estimate": 30,
        "owner_role": role,
        "handler": handler,
    }
    for key, name, after, role, handler in (
        ("score", "Score entries", (), "preparer", "analytics.score"),
        ("review", "Review the differences", (), "reviewer", ""),
        ("approve", "Approve the reconciliation", ("review",), "controller", ""),
        ("evidence", "Evidence package", ("score",), "controller", "reporting.evidence"),
        ("lock", "Lock the books", ("evidence", "approve"), "controller", ""),
    )
]
CONTROL: dict[str, Any] = {
    "identifier": "C-1",
    "name": "Bank reconciliation",
    "objective": "Bank and ledger agree.",
    "risk": "Cash is misstated.",
    "assertions": ["existence", "completeness"],
    "coso_principle": "Principle 10",
    "nature": "detective",
    "automation": "it_dependent",
    "owner_role": "preparer",
    "task_keys": ["review", "approve"],
}


def table(*rows: tuple[str, str, str], prefix: str) -> bytes:
    """A file with one line for each (reference, day of April, amount)."""
    text = ["id,account,date,amount,currency,reference,who"]
    for number, (reference, day, amount) in enumerate(rows, 1):
        text.append(f"{prefix}{number},1000,2023-04-{day},{amount},EUR,{reference},Anna")
    return ("\n".join(text) + "\n").encode()


def bring_in(entity: Any, actor: Any) -> Run:
    """Two files and their reconciliation: one match, an amount apart, one missing each side."""
    sources = {}
    for code, rows in (("bank", BANK), ("ledger", LEDGER)):
        source = define_source(
            entity_id=entity.pk,
            code=code,
            name=code.capitalize(),
            format="csv",
            mapping=MAPPING,
            actor=actor,
        )
        content = table(*rows, prefix=code[0].upper())
        import_file(source_id=source.pk, filename=f"{code}.csv", content=content, actor=actor)
        sources[code] = source
    match_type = define_match_type(
        entity_id=entity.pk,
        code="bank_gl",
        name="Bank to ledger",
        left_source_id=sources["bank"].pk,
        right_source_id=sources["ledger"].pk,
        rules=RULES,
        actor=actor,
    )
    return execute_run(run_id=start_run(match_type_id=match_type.pk, actor=actor, **APRIL).pk)


def approve_run(run: Run, *, maker: Any, approver: Any, controller: Any) -> Request:
    """A policy with an attestation, a request under it, and its approval."""
    define_policy(
        entity_id=run.entity_id,
        item_type="reconciliation",
        stages=[{"role": "approver", "count": 1}],
        attestation_text=ATTESTATION,
        actor=controller,
    )
    request = request_approval(
        entity_id=run.entity_id,
        item_type="reconciliation",
        subject=run,
        subject_hash=run.outcome_digest,
        title="Bank to ledger, April",
        url="/",
        amount=None,
        currency=None,
        maker=maker,
        actor=maker,
    )
    assert request is not None
    return decide(
        request_id=request.pk,
        verdict="approve",
        comment="All explained.",
        attested=True,
        expected_version=request.version,
        actor=approver,
    )


def post_sales(entity: Any, actor: Any) -> None:
    """The sales of `analytics.stage`."""
    keep_books(entity, actor)
    post(entity, ordinary_sales(date(2023, 3, 6), 40, "M"), actor)
    odd = sale(ODD, date(2023, 4, 16), "670.00", preparer="bot")
    post(entity, [*ordinary_sales(date(2023, 4, 3), 40, "A"), odd], actor)


def open_close(entity: Any, controller: Any) -> CloseRun:
    """Controls, a template of five tasks, and the close of April opened under it."""
    define_control(entity_id=entity.pk, actor=controller, **CONTROL)
    packaged = {**CONTROL, "identifier": "C-2", "is_key": False, "task_keys": ["evidence"]}
    define_control(entity_id=entity.pk, actor=controller, **packaged)
    template = define_template(
        entity_id=entity.pk, code="month", name="Month end", tasks=TASKS, actor=controller
    )
    run = open_run(template_id=template.pk, period_id=period_of(entity).pk, actor=controller)
    start_ready_tasks(run_id=run.pk)
    return run


def close_up_to_evidence(
    entity: Any, *, system: Any, preparer: Any, reviewer: Any, approver: Any, controller: Any
) -> CloseRun:
    """Everything that a package tells of, done and on record; the package itself not yet made."""
    post_sales(entity, system)
    run = open_close(entity, controller)
    score_period(period_id=run.period_id, actor=system)
    reconciled = bring_in(entity, controller)
    broken = reconciled.breaks.order_by("number").first()
    assert broken is not None
    explain_break(break_id=broken.pk, comment="Charged twice; refunded in May.", actor=preparer)
    complete_task(
        task_id=task_of(run, "review").pk, comment="Looked at all of them.", actor=reviewer
    )
    wait_for(
        task_of(run, "approve"),
        approve_run(reconciled, maker=preparer, approver=approver, controller=controller),
    )
    return run


def wait_for(task: CloseTask, request: Request) -> TaskApproval:
    """Let a task wait for a request, as the close does when a handler says so."""
    from django.db import transaction

    from apps.audit.services import record
    from apps.identity.selectors import system_user

    with transaction.atomic():
        attempt = task.attempts.create(number=task.attempts.count() + 1, status="succeeded")
        record(
            actor=system_user(),
            action="close.task.submit",
            subject=task,
            entity_id=task.run.entity_id,
        )
        return TaskApproval.objects.create(task=task, attempt=attempt, request=request)


def task_of(run: CloseRun, key: str) -> CloseTask:
    return CloseTask.objects.get(run=run, key=key)


def entry_named(external_id: str) -> JournalEntry:
    return JournalEntry.objects.get(external_id=external_id)
