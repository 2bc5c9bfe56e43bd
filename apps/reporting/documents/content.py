"""What an evidence package says, section by section, as plain values.

The sections are what an external auditor needs for a control over financial reporting (PCAOB AS
2201, AS 1105 on information produced by the entity, AS 2401 on journal entries). A section that
does not apply is an :class:`Omission` with a reason, which is printed; it is never just missing.

Amounts are debit-positive. Dates are the entity's, instants are aware.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from .errors import OmissionWithoutReason, SectionEmpty, TableRagged
from .figures import Money
from .manifest import Manifest


@dataclass(frozen=True, slots=True)
class Omission:
    """The declaration that a section is left out.

    Raises:
        OmissionWithoutReason: the reason is blank.
    """

    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise OmissionWithoutReason("a section is omitted for a stated reason only")


@dataclass(frozen=True, slots=True)
class Figure:
    """A headline of the cover, such as "Match rate", "99.02%"."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Section 1.

    Args:
        process: what was done, such as "Bank reconciliation".
        conclusion: the answer in a sentence or two, as the process recorded it.
        generated_by: the person or process that asked for the package.
        generator: name and build of the software.
        time_zone: IANA zone of the entity.
        supersedes: the package that this one replaces, or empty.
    """

    process: str
    entity: str
    ledger: str
    period: str
    period_start_on: date
    period_end_on: date
    package: str
    version: int
    supersedes: str = ""
    conclusion: str
    figures: tuple[Figure, ...] = ()
    generated_by: str
    generator: str
    generated_at: datetime
    time_zone: str
    classification: str = "Confidential"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Section 2: one control, as it was in force."""

    identifier: str
    name: str
    objective: str
    risk: str
    assertions: tuple[str, ...]
    coso_principle: str
    nature: str
    automation: str
    is_key: bool
    frequency: str
    owner: str
    version: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationLine:
    """One population: how many lines, their totals, and whether their numbering has gaps.

    Args:
        gaps: numbers that are missing between first and last, or empty.
    """

    name: str
    count: int
    debits: Money
    credits: Money
    first_id: str
    last_id: str
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollForwardLine:
    """Opening balance plus activity against closing balance, for an account of an entity.

    Args:
        opening, closing: balances, debit positive.
        debits, credits: totals of the period, both positive.
    """

    entity: str
    account: str
    opening: Decimal
    debits: Decimal
    credits: Decimal
    closing: Decimal
    currency: str

    @property
    def difference(self) -> Decimal:
        """Closing balance less opening balance and activity; zero if it rolls forward."""
        return self.closing - (self.opening + self.debits - self.credits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Section 3."""

    definition: str
    lines: tuple[PopulationLine, ...]
    roll_forward: tuple[RollForwardLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Section 4: information produced by the entity, and how it was drawn.

    Args:
        query_text: the exact query, printed in an appendix with its SHA-256.
        control_totals: one amount per currency.
        content_sha256: digest of the original bytes, or empty.
    """

    report: str
    version: str
    system: str
    query_text: str
    parameters: tuple[tuple[str, str], ...] = ()
    filters: str = ""
    row_count: int
    rejected_count: int = 0
    control_totals: tuple[Money, ...]
    run_by: str
    run_at: datetime
    snapshot: str
    content_sha256: str = ""

    @property
    def query_sha256(self) -> str:
        """SHA-256 of the query text as UTF-8."""
        return digest_of_text(self.query_text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleItem:
    """One item that was examined, and what came of it."""

    reference: str
    description: str
    amount: Money
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Section 5."""

    method: str
    seed: str
    population_count: int
    size_rationale: str
    items: tuple[SampleItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who did what in a task, in which role and with what authority at that time.

    Args:
        did: "Prepared", "Reviewed", "Approved", ...
        authority: the grant and limit that allowed it, as of ``acted_at``.
        authentication: how strongly the person had proved who they are.
        is_automated: the system did it by itself, in nobody's session.
    """

    did: str
    person: str
    role: str
    authority: str
    acted_at: datetime
    authentication: str
    on_behalf_of: str = ""
    comment: str = ""
    is_automated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a review control has to show beyond a name."""

    expectation: str
    threshold: str
    examined: str
    questions: str
    resolution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of the process."""

    number: str
    name: str
    status: str
    automation: str
    started_at: datetime | None
    finished_at: datetime | None
    acts: tuple[Act, ...] = ()
    review: Review | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionLine:
    """A break or other exception of the population.

    Args:
        account: where it was found: the account, or the reconciliation.
    """

    reference: str
    booked_on: date | None
    account: str
    description: str
    cause: str
    amount: Money
    status: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deficiency:
    """An evaluated exception: nature, effect and what was done about it."""

    nature: str
    cause: str
    amount: Money
    compensating_control: str
    remediation: str
    retest: str
    severity: str
    aggregation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A transaction that a rule or statistic singled out, and its disposition.

    Args:
        score: as the method gives it, already written.
    """

    reference: str
    booked_on: date
    account: str
    amount: Money
    score: str
    reasons: tuple[str, ...]
    disposition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptions:
    """Section 7. Empty lists say that nothing was found.

    Args:
        anomaly_method: methods, parameters and versions behind ``anomalies``.
    """

    lines: tuple[ExceptionLine, ...]
    deficiencies: tuple[Deficiency, ...]
    anomalies: tuple[Anomaly, ...]
    anomaly_method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """Section 8: what somebody declared, word for word.

    Args:
        answers: questions and the answers given.
        signature: how the declaration itself was signed in the application.
    """

    text: str
    text_version: str
    signer: str
    role: str
    signed_at: datetime
    signature: str
    answers: tuple[tuple[str, str], ...] = ()

    @property
    def text_sha256(self) -> str:
        """SHA-256 of the text as UTF-8."""
        return digest_of_text(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Section 9: an edit, reopening, override, delegation or new version."""

    changed_at: datetime
    person: str
    action: str
    subject: str
    detail: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Section 10: a table of the configuration as it was, such as the approval matrix.

    Raises:
        TableRagged: there is no column, or a row has another number of cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not self.columns or any(len(row) != len(self.columns) for row in self.rows):
            raise TableRagged(f"{self.title}: rows and columns do not fit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The signed state of the audit log that the package refers to."""

    tree_size: int
    root_sha256: str
    signed_at: datetime
    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """Something that was removed or masked, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Section 11: the manifest, and what anchors and qualifies it.

    Args:
        checkpoint: None if the audit log was not anchored; the document says so.
        proofs: inclusion proofs, subject and hexadecimal digests, printed in an appendix.
    """

    manifest: Manifest
    checkpoint: Checkpoint | None = None
    proofs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    redactions: tuple[Redaction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Section 12.

    Args:
        dispose_on: None while a legal hold or an open trigger forbids to name a day.
    """

    retention_class: str
    trigger: str
    dispose_on: date | None
    legal_holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceContent:
    """The whole package. Cover and manifest cannot be omitted.

    Raises:
        SectionEmpty: a section that must say something is an empty tuple.
    """

    cover: Cover
    controls: tuple[Control, ...] | Omission
    population: Population | Omission
    data_sources: tuple[DataSource, ...] | Omission
    sample: Sample | Omission
    tasks: tuple[Task, ...] | Omission
    exceptions: Exceptions | Omission
    attestations: tuple[Attestation, ...] | Omission
    changes: tuple[Change, ...] | Omission
    configuration: tuple[Setting, ...] | Omission
    holdings: Holdings
    retention: Retention | Omission

    def __post_init__(self) -> None:
        for name in ("controls", "data_sources", "tasks", "attestations", "configuration"):
            if getattr(self, name) == ():
                raise SectionEmpty(f"{name} is empty; declare it omitted, with a reason")
        if isinstance(self.population, Population) and not self.population.lines:
            raise SectionEmpty("the population has no lines; declare it omitted, with a reason")
        if isinstance(self.sample, Sample) and not self.sample.items:
            raise SectionEmpty("the sample has no items; declare it omitted, with a reason")


def digest_of_text(text: str) -> str:
    """SHA-256 of a text as UTF-8, lower-case hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
