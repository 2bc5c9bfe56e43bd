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


class RunOutdated(Conflict):
    """The run before this one was carried out again or changed, and leaves other items to it."""

    code = "RUN_OUTDATED"
    message = "The run before this one leaves other items open now than this one took up."
    remedy = "Run these days again."


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


class ShardUnreadable(Conflict):
    """What a shard found is gone from the storage, or damaged."""

    code = "SHARD_UNREADABLE"
    message = "What a part of this run found cannot be read any more, so nothing was stored."
    remedy = "Start the run again."


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


class NothingLearned(Conflict):
    """There are no learned weights to put into rules."""

    code = "NOTHING_LEARNED"
    message = "No run learned any weights under these rules."
    remedy = "Run the reconciliation first; only a fuzzy pass without weights learns some."


class ReasonMissing(Invalid):
    """Who changes an outcome by hand says why."""

    code = "REASON_MISSING"
    message = "Say why."


class GroupRevoked(Conflict):
    """The group was taken back already."""

    code = "GROUP_REVOKED"
    message = "This match was taken back already."


class GroupStands(Conflict):
    """Nobody took the group back, so there is nothing to permit."""

    code = "GROUP_STANDS"
    message = "This match was not taken back."


class BreakClosed(Conflict):
    """The break no longer stands: something took its place."""

    code = "BREAK_CLOSED"
    message = "This break no longer stands: its items were matched, split or explained anew."
    remedy = "Open the run to see what took its place."


class BreakAccepted(Conflict):
    """An accepted break is not changed."""

    code = "BREAK_ACCEPTED"
    message = "This break is accepted."
    remedy = "Open it again first, with the reason."


class BreaksUnfit(Invalid):
    """The chosen breaks cannot become one match, or the parts do not make up the break."""

    code = "BREAKS_UNFIT"


class DifferenceTooLarge(Conflict):
    """No tolerance of the rules allows this difference."""

    code = "DIFFERENCE_TOO_LARGE"
    message = "The two sides differ by more than the rules tolerate."
    remedy = "Name an expense account, so that the difference is written off."


class WrittenOff(Conflict):
    """A journal entry books this amount away already."""

    code = "WRITTEN_OFF"
    message = "A journal entry for this was proposed already."
    remedy = "Cancel that entry first, or reverse it if it is posted."


class NothingToWriteOff(Conflict):
    """Both sides are equal: there is no amount to book."""

    code = "NOTHING_TO_WRITE_OFF"
    message = "There is no amount to write off."


class AlreadyCertified(Conflict):
    """Somebody certified this part of this outcome."""

    code = "ALREADY_CERTIFIED"
    message = "This part of the outcome is certified already."


class NotPrepared(Conflict):
    """The reviewer comes after the preparer."""

    code = "NOT_PREPARED"
    message = "Nobody certified this outcome as its preparer yet."


class OwnCertification(NotPermitted):
    """Who prepared an outcome does not review it."""

    code = "OWN_CERTIFICATION"
    message = "You certified this outcome as its preparer, so somebody else has to review it."
    remedy = "Ask a reviewer or a controller."


class BreaksOpen(Conflict):
    """Breaks wait for an explanation."""

    code = "BREAKS_OPEN"
    message = "Breaks of this outcome wait for an explanation."
    remedy = "Explain or accept them first; those that are awaited may stay."


class OwnerUnfit(Invalid):
    """Who owns breaks has to be able to work them."""

    code = "OWNER_UNFIT"
    message = "This person cannot work breaks here."
    remedy = "Choose somebody who may explain breaks on this entity."


class TermsInvalid(Invalid):
    """Days that do not make sense as terms of the work on breaks."""

    code = "TERMS_INVALID"


class ResolutionInvalid(Invalid):
    """A rule for small breaks does not work; the field at fault is named."""

    code = "RESOLUTION_INVALID"
