"""Phases of imports, pulls and their moves, and the labels that sealed values are bound to."""

from datetime import timedelta
from typing import Final

from django.db.models import TextChoices

from apps.common.transitions import Moves

# See `apps.privacy.keyring`: a value sealed for one place does not open in another.
ORIGINAL_LABEL: Final = "ingestion.original"
TEXTS_LABEL: Final = "ingestion.record.texts"  # with the batch behind it
WHOLE_LABEL: Final = "ingestion.record.whole"  # with the batch behind it
ACCOUNT_LABEL: Final = "ingestion.statement.account"

SEALED_TEXTS: Final = ("counterparty", "narrative", "attributes")

# Of a block that holds records whole: many enough to be read fast one after the other, few enough
# to be opened for one record that is shown. Positions are divided by it: it never changes.
WHOLE_BLOCK_ROWS: Final = 4096

# A line that says again what was said before an amendment is a record of its own. Its occurrence
# counts from here, so that it is never taken for a second genuine line of the same content.
RETURNED: Final = 1_000_000_000


IMPORT_AT_WORK: Final = "import"  # the kind of work in `apps.common.phases`, with the source's id


class ImportPhase(TextChoices):
    """What an import is at while it is carried out; told by its transaction, never stored."""

    READING = "reading", "Reading the file"
    COMPARING = "comparing", "Comparing with the lines that are there"
    STORING = "storing", "Storing"


class PullStatus(TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    NOTHING_THERE = "nothing_there", "Nothing there"
    FAILED = "failed", "Failed"


class AttemptStatus(TextChoices):
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    NOTHING_THERE = "nothing_there", "Nothing there"
    REFUSED = "refused", "Fetched, but not imported"
    FAILED = "failed", "Failed"
    INTERRUPTED = "interrupted", "Interrupted"


EVERY_QUARTER_HOUR: Final = "*/15 * * * *"

OPEN_PULLS: Final = (PullStatus.WAITING, PullStatus.RUNNING)

PULL_MOVES: Final[Moves] = {
    PullStatus.WAITING: frozenset({PullStatus.RUNNING, PullStatus.FAILED}),
    PullStatus.RUNNING: frozenset(
        {
            PullStatus.SUCCEEDED,
            PullStatus.NOTHING_THERE,
            PullStatus.FAILED,
            PullStatus.WAITING,
        }
    ),
    PullStatus.FAILED: frozenset({PullStatus.WAITING}),
}

# A pull that fails for a passing reason is tried this often, each time after a longer wait.
MOST_TRIES: Final = 4
FIRST_WAIT: Final = timedelta(minutes=1)

# After this many failures in a row the other side is left alone for a while (circuit breaker).
MOST_FAILURES: Final = 5
REST: Final = timedelta(minutes=15)
