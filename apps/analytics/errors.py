from apps.common.errors import Conflict, Invalid, NotPermitted


class CommentMissing(Invalid):
    """A disposition says why."""

    code = "COMMENT_MISSING"
    message = "Say why in the comment."


class CommentInvalid(Invalid):
    """The comment cannot be stored."""

    code = "COMMENT_INVALID"


class DispositionUnknown(Invalid):
    """There is no such disposition."""

    code = "DISPOSITION_UNKNOWN"
    message = "A review ends legitimate, corrected or escalated."


class ParametersRefused(Invalid):
    """A parameter of the measures is unknown or out of its range; the message names it."""

    code = "PARAMETERS_REFUSED"


class NothingPosted(Conflict):
    """The period has no posted lines to score."""

    code = "NOTHING_POSTED"
    message = "Nothing is posted in this period, so there is nothing to score."
    remedy = "Post the period's entries first."


class OwnEntry(NotPermitted):
    """Who prepared or edited an entry does not review it."""

    code = "OWN_ENTRY"
    message = "You took part in this entry, so somebody else has to review it."
    remedy = "Ask another reviewer."


class ScoringSuperseded(Conflict):
    """The period was scored again since; only the newest scoring is worked on."""

    code = "SCORING_SUPERSEDED"
    message = "The period was scored again, and this belongs to an older scoring."
    remedy = "Review the entry in the newest scoring, if it still stands out."
