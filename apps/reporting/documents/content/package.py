"""The whole package, and the declaration that a section of it is left out."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import OmissionWithoutReason, SectionEmpty
from .cover import Cover
from .findings import Exceptions
from .record import Attestation, Change, Holdings, Retention, Setting
from .scope import Control, DataSource, Population, Sample
from .work import Task


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
