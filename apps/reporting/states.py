"""Names that templates and documents share."""

from typing import Final

# The close task that makes the package. What it is doing itself is no fact of the close: it is
# still at work when the document is made, and would otherwise make every package differ.
EVIDENCE_HANDLER: Final = "reporting.evidence"

# The close task that holds a reconciliation's variance against a limit; its parameters say which.
VARIANCE_HANDLER: Final = "reconciliation.variance"
