"""The life of a run and of the review of a break."""

from decimal import Decimal
from typing import Final

from django.db.models import TextChoices

from apps.common.transitions import Moves


class RunStatus(TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    COMPLETED = "completed", "Completed"
    SUPERSEDED = "superseded", "Superseded by a newer run"
    FAILED = "failed", "Failed"


class RunPhase(TextChoices):
    """What a run is at while it is carried out; told by its transaction, never stored."""

    READING = "reading", "Reading the records"
    MATCHING = "matching", "Matching"
    FINISHING = "finishing", "Putting together what the shards found"
    CLASSIFYING = "classifying", "Explaining what stays open"
    STORING = "storing", "Storing"


class ReviewStatus(TextChoices):
    OPEN = "open", "Open"
    EXPLAINED = "explained", "Explained"
    ACCEPTED = "accepted", "Accepted"


class BreakState(TextChoices):
    AWAITED = "awaited", "Awaited"
    MISSING = "missing", "Missing"
    MISMATCHED = "mismatched", "Mismatched"


class Cause(TextChoices):
    """Why a break is one, as the kernel or a person says (docs/explanation/matching.md)."""

    AMOUNT = "amount", "Amount differs"
    TIMING = "timing", "Timing"
    MISSING_LEFT = "missing_left", "Missing on the left"
    MISSING_RIGHT = "missing_right", "Missing on the right"
    DUPLICATE = "duplicate", "Duplicate"
    SIGN = "sign", "Opposite sign"
    SPLIT = "split", "Split"
    FEE = "fee", "Fee"
    RATE_CHANGE = "rate_change", "Rate changed"
    ROUNDING = "rounding", "Rounding"
    FX = "fx", "Exchange rate"
    WRONG_ACCOUNT = "wrong_account", "Wrong account"
    WRONG_PERIOD = "wrong_period", "Wrong period"
    TRANSPOSED_DIGITS = "transposed_digits", "Digits transposed"
    REFERENCE = "reference", "Reference differs"
    AMBIGUOUS = "ambiguous", "Ambiguous"
    UNKNOWN = "unknown", "Unknown"


class AdoptionBasis(TextChoices):
    """Why rules could take effect."""

    # Of match types from the time when first rules needed no approval; none is added.
    FIRST = "first", "The first rules of the match type"
    NO_POLICY = "no_policy", "No policy asks for an approval"
    APPROVED = "approved", "Approved"


class CertificationPart(TextChoices):
    PREPARED = "prepared", "Prepared"
    REVIEWED = "reviewed", "Reviewed"


class CertificationStatus(TextChoices):
    """Where the certification of a run stands; derived, never stored."""

    NONE = "none", "Not certified"
    PREPARED = "prepared", "Prepared, waits for a reviewer"
    CERTIFIED = "certified", "Certified by two people"
    FALLEN = "fallen", "Fallen: a break is open again"
    OUTDATED = "outdated", "Outdated: the run before it leaves other items to it now"
    SUPERSEDED = "superseded", "Superseded: the outcome is another"


class Carries(TextChoices):
    """What a run takes up of what the run before left open."""

    AWAITED = "awaited", "Awaited items; the others stay with the period that found them"
    OPEN = "open", "All open items, until they are accepted"


class ResolutionStatus(TextChoices):
    PROPOSED = "proposed", "Waiting for approval"
    IN_FORCE = "in_force", "In force"
    NOT_APPROVED = "not_approved", "Not approved"
    RETIRED = "retired", "Retired"


class RevisionKind(TextChoices):
    """What people do to an outcome."""

    UNMATCH = "unmatch", "Match taken back"
    FORCE_MATCH = "force_match", "Matched by hand"
    SPLIT = "split", "Break split"
    CORRECT = "correct", "Cause corrected"


class RuleSetStatus(TextChoices):
    """Where a version of the rules stands; derived, never stored."""

    IN_FORCE = "in_force", "In force"
    FORMER = "former", "No longer in force"
    PROPOSED = "proposed", "Waiting for approval"
    NOT_APPROVED = "not_approved", "Not approved"


class Side(TextChoices):
    LEFT = "left", "Left"
    RIGHT = "right", "Right"


# From this net variance on, in percent of the right side, a reconciliation asks for a look.
VARIANCE_LIMIT_PERCENT: Final = Decimal(1)

# Runs that have not ended. A run in one piece stays queued until it completes; what it is at is
# told by its phase (RUN_AT_WORK, apps.common.phases).
UNDER_WAY: Final = (RunStatus.QUEUED, RunStatus.RUNNING)

RUN_AT_WORK: Final = "run"

# By what records can be put into shards: fields stored in the clear, the finest first.
SPLIT_FIELDS: Final = ("reference", "external_id", "account")

# A shard whose worker dies so often is what kills it: the run fails.
MOST_ATTEMPTS: Final = 3

# See `apps.privacy.keyring`: what a shard found is sealed while it waits for the others.
SHARD_LABEL: Final = "reconciliation.shard"

RUN_MOVES: Final[Moves] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.COMPLETED, RunStatus.FAILED}),
    RunStatus.RUNNING: frozenset({RunStatus.QUEUED, RunStatus.COMPLETED, RunStatus.FAILED}),
    RunStatus.COMPLETED: frozenset({RunStatus.SUPERSEDED}),
}

# A better explanation takes the place of the first; an accepted break can be opened again.
REVIEW_MOVES: Final[Moves] = {
    ReviewStatus.OPEN: frozenset({ReviewStatus.EXPLAINED, ReviewStatus.ACCEPTED}),
    ReviewStatus.EXPLAINED: frozenset(ReviewStatus),
    ReviewStatus.ACCEPTED: frozenset({ReviewStatus.OPEN}),
}

RESOLUTION_MOVES: Final[Moves] = {
    ResolutionStatus.PROPOSED: frozenset(
        {ResolutionStatus.IN_FORCE, ResolutionStatus.NOT_APPROVED, ResolutionStatus.RETIRED}
    ),
    ResolutionStatus.IN_FORCE: frozenset({ResolutionStatus.RETIRED}),
}
