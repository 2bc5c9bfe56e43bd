"""Documents as pure functions: values in, PDF bytes out. No Django, no database, no network.

The order of making a package: list the attachments in a :class:`Manifest`, render the content,
attach, sign. The order of checking one: :func:`verify_package`.
"""

from .attachments import Attachment, attach, manifest_attachments, read_attachments
from .content import (
    Act,
    Anomaly,
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
    Omission,
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
from .evidence import render_evidence
from .figures import Money
from .identity import SigningIdentity, create_identity
from .manifest import (
    Manifest,
    ManifestItem,
    ManifestReport,
    ManifestVerdict,
    item_of,
    read_manifest,
    verify_manifest,
)
from .signing import sign
from .tables import Bar, Column
from .tabular import TableReport, render_table_report
from .verification import (
    PackageReport,
    SignatureReport,
    SignatureVerdict,
    verify_package,
    verify_signature,
)

__all__ = [
    "Act",
    "Anomaly",
    "Attachment",
    "Attestation",
    "Bar",
    "Change",
    "Checkpoint",
    "Column",
    "Control",
    "Cover",
    "DataSource",
    "Deficiency",
    "EvidenceContent",
    "ExceptionLine",
    "Exceptions",
    "Figure",
    "Holdings",
    "Manifest",
    "ManifestItem",
    "ManifestReport",
    "ManifestVerdict",
    "Money",
    "Omission",
    "PackageReport",
    "Population",
    "PopulationLine",
    "Redaction",
    "Retention",
    "Review",
    "RollForwardLine",
    "Sample",
    "SampleItem",
    "Setting",
    "SignatureReport",
    "SignatureVerdict",
    "SigningIdentity",
    "TableReport",
    "Task",
    "attach",
    "create_identity",
    "item_of",
    "manifest_attachments",
    "read_attachments",
    "read_manifest",
    "render_evidence",
    "render_table_report",
    "sign",
    "verify_manifest",
    "verify_package",
    "verify_signature",
]
