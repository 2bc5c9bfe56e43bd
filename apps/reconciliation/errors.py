from apps.common.errors import Conflict, Invalid, NotPermitted


class MatchTypeInvalid(Invalid):
    """Sources or rules do not work together; the message names the place."""

    code = "MATCH_TYPE_INVALID"


class MatchTypeExists(Conflict):
    """The code is taken on this entity."""

    code = "MATCH_TYPE_EXISTS"
    message = "A match type with this code exists."


class MatchTypeAmbiguous(Invalid):
    """Several entities have a match type of this code."""

    code = "MATCH_TYPE_AMBIGUOUS"
    message = "Several entities have a match type of this code."
    remedy = "Name the entity too."


class RunNotCompleted(Conflict):
    """The run has no outcome yet."""

    code = "RUN_NOT_COMPLETED"
    message = "The run has not been completed."
    remedy = "Wait for it, or look why it failed."


class DatesInvalid(Invalid):
    """The run's dates are the wrong way round, or out of this world."""

    code = "DATES_INVALID"
    message = "The last day lies before the first."


class RunSuperseded(Conflict):
    """A newer run took the place of this one."""

    code = "RUN_SUPERSEDED"
    message = "A newer run took the place of this one."
    remedy = "Open the newer run; what was said of the same breaks is there."


class NotExplained(Conflict):
    """A material break is accepted only after somebody explained it."""

    code = "NOT_EXPLAINED"
    message = "This break is material: somebody explains it, and somebody else accepts that."
    remedy = "Ask the preparer for the explanation."


class CommentMissing(Invalid):
    """A review says why."""

    code = "COMMENT_MISSING"
    message = "Say why in the comment."


class OwnReview(NotPermitted):
    """Who explained a break does not accept the explanation."""

    code = "OWN_REVIEW"
    message = "You explained this break, so somebody else has to accept it."


class ProofFailed(Conflict):
    """Totals, groups and breaks do not add up: nothing is stored."""

    code = "PROOF_FAILED"
    message = "The outcome does not add up, so nothing was stored."
    remedy = "This is a fault of the product; please report it with the run's number."


class RulesNotApproved(Conflict):
    """A policy asks for an approval of rules, and these have none."""

    code = "RULES_NOT_APPROVED"
    message = "These rules are not approved."
    remedy = "Somebody other than their author approves them first."


class RulesOutdated(Conflict):
    """A newer version of the rules is in force already."""

    code = "RULES_OUTDATED"
    message = "A newer version of these rules is in force."
    remedy = "Propose the change again, on top of the rules in force."


class RulesUntried(Invalid):
    """The items of the run cannot be matched by these rules."""

    code = "RULES_UNTRIED"
    message = "The items of this run cannot be matched by these rules."
