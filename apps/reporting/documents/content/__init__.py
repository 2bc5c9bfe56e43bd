"""What an evidence package says, section by section, as plain values.

The sections are what an external auditor needs for a control over financial reporting (PCAOB AS
2201, AS 1105 on information produced by the entity, AS 2401 on journal entries). A section that
does not apply is an :class:`Omission` with a reason, which is printed; it is never just missing.

Amounts are debit-positive. Dates are the entity's, instants are aware.
"""

from .cover import Cover, Figure
from .findings import Anomaly, Deficiency, ExceptionLine, Exceptions
from .package import EvidenceContent, Omission
from .record import Attestation, Change, Checkpoint, Holdings, Redaction, Retention, Setting
from .scope import (
    Control,
    DataSource,
    Population,
    PopulationLine,
    RollForwardLine,
    Sample,
    SampleItem,
)
from .work import Act, Exhibit, Review, Task

__all__ = [
    "Act",
    "Anomaly",
    "Attestation",
    "Change",
    "Checkpoint",
    "Control",
    "Cover",
    "DataSource",
    "Deficiency",
    "EvidenceContent",
    "ExceptionLine",
    "Exceptions",
    "Exhibit",
    "Figure",
    "Holdings",
    "Omission",
    "Population",
    "PopulationLine",
    "Redaction",
    "Retention",
    "Review",
    "RollForwardLine",
    "Sample",
    "SampleItem",
    "Setting",
    "Task",
]
