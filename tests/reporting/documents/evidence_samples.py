"""A month-end evidence package of Harbour Field Services, complete and of any length."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.reporting.documents import (
    Act,
    Anomaly,
    Attachment,
    Attestation,
    Change,
    Checkpoint,
    Control,
    Cover,
    DataSource,
    Deficiency,
    EvidenceContent,
    ExceptionLine,
    Exceptions,
    Figure,
    Holdings,
    Manifest,
    Money,
    Population,
    PopulationLine,
    Redaction,
    Retention,
    Review,
    RollForwardLine,
    Sample,
    SampleItem,
    Setting,
    Task,
)

CAUSES = (
    "Timing",
    "Missing in bank",
    "Missing in ledger",
    "Amount differs",
    "Bank fee",
    "Duplicate",
    "Split payment",
)
CLOSED_AT = datetime(2023, 5, 2, 14, 3, 7, tzinfo=UTC)
QUERY = """SELECT e.posted_on, l.line_no, a.code, l.amount, l.currency, l.reference
  FROM ledger_entry e
  JOIN ledger_line l ON l.entry_id = e.id
  JOIN ledger_account a ON a.id = l.account_id
 WHERE e.entity_id = %(entity)s AND a.code = '1100' AND e.posted_on BETWEEN %(from)s AND %(to)s
 ORDER BY e.posted_on, e.id, l.line_no"""


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def exception_lines(count: int) -> tuple[ExceptionLine, ...]:
    return tuple(_exception(number) for number in range(1, count + 1))


def _exception(number: int) -> ExceptionLine:
    cents = number * 7919 % 1_000_000 + 1
    sign = -1 if number % 3 == 0 else 1
    return ExceptionLine(
        reference=f"BRK-{number:06d}",
        booked_on=date(2023, 4, 1) + timedelta(days=number % 30),
        account="1100 Bank",
        description=f"Payment {100_000 + number * 37 % 900_000}, customer {number % 977:03d}",
        cause=CAUSES[min(number * 5 % 11, len(CAUSES) - 1)],
        amount=Money(sign * Decimal(cents) / 100, "EUR"),
        status="Open" if number % 16 == 0 else "Resolved",
        is_open=number % 16 == 0,
    )


def cover(**changes: Any) -> Cover:
    given: dict[str, Any] = {
        "process": "Bank reconciliation",
        "entity": "Harbour Field Services B.V.",
        "ledger": "General ledger, account 1100 Bank (EUR)",
        "period": "April 2023",
        "period_start_on": date(2023, 4, 1),
        "period_end_on": date(2023, 4, 30),
        "package": "EP-HFS-2023-04-BANK",
        "version": 2,
        "supersedes": "EP-HFS-2023-04-BANK, version 1 (late fee of 28 April)",
        "conclusion": "The bank statement and the ledger agree but for the exceptions in section "
        "7, all of which have a cause; their open part is below the threshold of 1% of turnover.",
        "figures": (
            Figure("Lines compared", "24,118"),
            Figure("Matched", "99.02%"),
            Figure("Exceptions", "48"),
            Figure("Open", "3"),
            Figure("Unexplained", "0.00 EUR"),
        ),
        "generated_by": "Connie Brandt, controller",
        "generator": "FinFlow 0.1.0",
        "generated_at": CLOSED_AT,
        "time_zone": "Europe/Amsterdam",
    }
    return Cover(**(given | changes))


def _control(identifier: str, name: str, is_key: bool) -> Control:
    return Control(
        identifier=identifier,
        name=name,
        objective="Cash in the ledger exists and is complete at the period's end.",
        risk="Receipts or payments are missing, recorded twice, or in the wrong period.",
        assertions=("existence", "completeness", "cut-off"),
        coso_principle="10: selects and develops control activities",
        nature="detective",
        automation="manual with automated matching",
        is_key=is_key,
        frequency="monthly",
        owner="Connie Brandt, controller",
        version="3, in force since 1 January 2023",
        result="operated; no deficiency",
    )


def _population() -> Population:
    return Population(
        definition="All lines of account 1100 booked in April 2023, and all entries of the bank's "
        "statements for the same days.",
        lines=(
            PopulationLine(
                name="General ledger, account 1100",
                count=12_073,
                debits=eur("4812331.07"),
                credits=eur("4790118.55"),
                first_id="GL-88121",
                last_id="GL-100193",
            ),
            PopulationLine(
                name="Bank statement NL20INGB0001234567",
                count=12_045,
                debits=eur("4811020.17"),
                credits=eur("4790003.05"),
                first_id="1",
                last_id="12046",
                gaps=("7120",),
            ),
        ),
        roll_forward=tuple(
            RollForwardLine(
                entity="HFS",
                account=account,
                opening=Decimal(opening),
                debits=Decimal(debits),
                credits=Decimal(given),
                closing=Decimal(closing),
                currency="EUR",
            )
            for account, opening, debits, given, closing in (
                ("1100 Bank", "812004.18", "4812331.07", "4790118.55", "834216.70"),
                ("1200 Receivables", "1204551.00", "2204118.10", "2310771.45", "1097897.65"),
                ("2000 Payables", "-640118.27", "1811045.00", "1799003.14", "-628076.41"),
            )
        ),
    )


def _source(report: str, rows: int) -> DataSource:
    return DataSource(
        report=report,
        version="version 4",
        system="PostgreSQL finance",
        query_text=QUERY,
        parameters=(("entity", "HFS"), ("from", "2023-04-01"), ("to", "2023-04-30")),
        filters="account 1100 only",
        row_count=rows,
        rejected_count=2,
        control_totals=(eur("22212.52"),),
        run_by="Service account ivy",
        run_at=CLOSED_AT - timedelta(hours=30),
        snapshot="batch 7f3c2a61",
        content_sha256="9f" * 32,
    )


def _act(did: str, person: str, role: str, hours: int, **changes: Any) -> Act:
    return Act(
        did=did,
        person=person,
        role=role,
        authority="may act up to 50,000.00 EUR in HFS; grant 12 of 1 January 2023",
        acted_at=CLOSED_AT - timedelta(hours=hours),
        authentication="password and one-time code",
        **changes,
    )


def _tasks() -> tuple[Task, ...]:
    review = Review(
        expectation="Unmatched lines below 1% of turnover; no item older than 30 days.",
        threshold="48,000.00 EUR",
        examined="The 30 largest breaks and every break without a counterpart.",
        questions="Why is fee 28-04 booked in May? Which invoice does receipt 7120 settle?",
        resolution="Fee accrued by entry JE-1204; receipt settles invoice 2023-0417.",
    )
    names = ("Import the bank statement", "Reconcile bank and ledger", "Review the breaks")
    return tuple(
        Task(
            number=f"{number}",
            name=name,
            status="completed",
            automation="automatic" if number < 3 else "manual",
            started_at=CLOSED_AT - timedelta(hours=30 - number),
            finished_at=CLOSED_AT - timedelta(hours=29 - number),
            acts=()
            if number == 1
            else (
                _act("Prepared", "Alice Meijer", "preparer", 20 - number),
                _act(
                    "Approved",
                    "Bob Okafor",
                    "approver",
                    10 - number,
                    on_behalf_of="Rita Silva" if number == 3 else "",
                    comment="Fee accrued, see JE-1204." if number == 3 else "",
                ),
            ),
            review=review if number == 3 else None,
        )
        for number, name in enumerate(names, start=1)
    )


def _exceptions(count: int) -> Exceptions:
    return Exceptions(
        lines=exception_lines(count),
        deficiencies=(
            Deficiency(
                nature="One bank fee was booked in the wrong period.",
                cause="The fee advice arrived after the cut-off.",
                amount=eur("-118.40"),
                compensating_control="C-09 Review of late fees",
                remediation="Accrual of expected fees from May 2023 on.",
                retest="31 May 2023",
                severity="control deficiency, inconsequential",
                aggregation="alone; no other deficiency touches account 1100",
            ),
        ),
        anomalies=(
            Anomaly(
                reference="GL-88310",
                booked_on=date(2023, 4, 15),
                account="1100 Bank",
                amount=eur("49999.00"),
                score="0.93",
                reasons=("just below the approval limit of 50,000.00 EUR", "booked on a Saturday"),
                disposition="explained: contract instalment",
            ),
        ),
        anomaly_method="Rules version 5; z-score per account above 2.5 sigma; seed 7.",
    )


def attachments() -> tuple[Attachment, ...]:
    csv = b"reference,cause,amount,currency\nBRK-000001,Timing,79.20,EUR\n"
    return (
        Attachment("exceptions.csv", csv, "text/csv", "All exceptions of section 7"),
        Attachment("population.csv", b"id,amount\nGL-88121,12.50\n", "text/csv", "Population"),
    )


def complete_content(exception_count: int = 48, **changes: Any) -> EvidenceContent:
    """Every section filled in; ``changes`` replace whole sections."""
    given: dict[str, Any] = {
        "cover": cover(),
        "controls": (
            _control("C-07", "Reconciliation of bank accounts", is_key=True),
            _control("C-09", "Review of late fees", is_key=False),
        ),
        "population": _population(),
        "data_sources": (_source("Ledger lines 1100", 12_073), _source("camt.053", 12_045)),
        "sample": Sample(
            method="random without replacement",
            seed="20230502",
            population_count=12_073,
            size_rationale="25 for a monthly control with low risk (audit guide, table 4)",
            items=tuple(
                SampleItem(
                    reference=f"GL-{90_000 + number}",
                    description=f"Receipt of invoice 2023-{number:04d}",
                    amount=eur(f"{number * 311}.25"),
                    result="agreed",
                )
                for number in range(1, 26)
            ),
        ),
        "tasks": _tasks(),
        "exceptions": _exceptions(exception_count),
        "attestations": (
            Attestation(
                text="I have reviewed this reconciliation. To my knowledge it is complete, and "
                "its exceptions are resolved or disclosed.",
                text_version="2",
                signer="Connie Brandt",
                role="controller",
                signed_at=CLOSED_AT - timedelta(minutes=5),
                signature="password and one-time code, session 41f0",
                answers=(("Are all accounts included?", "Yes"), ("Was any step left out?", "No")),
            ),
        ),
        "changes": (
            Change(
                changed_at=CLOSED_AT - timedelta(hours=4),
                person="Connie Brandt",
                action="Period reopened",
                subject="HFS April 2023",
                detail="Scope: account 6400; until 2 May 2023, 18:00",
                reason="Late fee of 28 April",
            ),
        ),
        "configuration": (
            Setting(
                title="Approval matrix",
                columns=("Item", "From", "To", "Stages"),
                rows=(
                    ("Journal entry", "0.00 EUR", "50,000.00 EUR", "one approver"),
                    ("Journal entry", "50,000.01 EUR", "no limit", "approver, then controller"),
                ),
            ),
            Setting(
                title="Roles",
                columns=("Person", "Role", "Since"),
                rows=(
                    ("Alice Meijer", "preparer", "1 January 2023"),
                    ("Bob Okafor", "approver", "1 January 2023"),
                ),
            ),
        ),
        "holdings": Holdings(
            manifest=Manifest("EP-HFS-2023-04-BANK v2", tuple(file.item for file in attachments())),
            checkpoint=Checkpoint(
                tree_size=48_211,
                root_sha256="5c" * 32,
                signed_at=CLOSED_AT - timedelta(minutes=1),
                key="audit-2023-01",
                signature="ab" * 64,
            ),
            proofs=(("event 48,102 (approval of task 3)", ("1d" * 32, "2e" * 32)),),
            redactions=(Redaction("Bank account numbers of private persons", "privacy: masked"),),
        ),
        "retention": Retention(
            retention_class="Financial control evidence, seven years",
            trigger="end of the fiscal year 2023",
            dispose_on=date(2031, 1, 1),
        ),
    }
    return EvidenceContent(**(given | changes))


def with_cover(content: EvidenceContent, **changes: Any) -> EvidenceContent:
    return replace(content, cover=cover(**changes))
