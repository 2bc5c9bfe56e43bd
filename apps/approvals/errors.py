from apps.common.errors import Conflict, Invalid, NotPermitted


class OwnWork(NotPermitted):
    """Segregation of duties: made, edited, asked for or prepared by the actor."""

    code = "OWN_WORK"
    message = "You took part in preparing this, so somebody else has to decide."
    remedy = "It stays in the inbox of the other approvers."


class ApproverTookPart(Conflict):
    """Somebody who approved an earlier step has had a hand in the subject since."""

    code = "APPROVER_TOOK_PART"
    message = "Somebody who approved an earlier step has taken part in this since."
    remedy = "Return it, so that it is asked for and approved anew by others."


class AlreadyDecidedByActor(NotPermitted):
    """One person, one decision, across all stages."""

    code = "ALREADY_DECIDED_BY_YOU"
    message = "You have decided on this already; the next stage needs somebody else."
    remedy = "It waits for the other approvers."


class RoleMissing(NotPermitted):
    """The stage asks for a role that the actor does not hold on the entity."""

    code = "ROLE_MISSING"
    message = "This stage needs a role that you do not hold."


class NotNamed(NotPermitted):
    """The stage names who decides, and the actor is not among them or decides nothing here."""

    code = "NOT_NAMED"
    message = "This stage names who decides, and you are not among them."


class AboveLimit(NotPermitted):
    """The amount is above the limit of the actor, his own or that of his roles."""

    code = "ABOVE_LIMIT"
    message = "This is above your limit."


class LimitMissing(NotPermitted):
    """Approvals of this kind are limited here, and the actor has no limit today."""

    code = "LIMIT_MISSING"
    message = "You have no limit for this."


class RateMissing(NotPermitted):
    """The limit is in another currency, and no rate of the last days says what that is worth."""

    code = "RATE_MISSING"
    message = "Your limit cannot be compared with this amount."


class CommentMissing(Invalid):
    """The verdict or the policy asks for words."""

    code = "COMMENT_MISSING"
    message = "Say why in the comment."


class AttestationMissing(Invalid):
    """The policy has an attestation text that the approver has to confirm."""

    code = "ATTESTATION_MISSING"
    message = "Confirm the attestation to approve."


class PolicyInvalid(Invalid):
    """The policy would not work."""

    code = "POLICY_INVALID"


class PolicyOverlaps(Conflict):
    """Two policies in force would claim the same amount."""

    code = "POLICY_OVERLAPS"
    message = "Another policy in force covers part of this amount range."
    remedy = "Retire it first, or choose a range that does not overlap."


class LimitInvalid(Invalid):
    """The limit would not work."""

    code = "LIMIT_INVALID"


class RateInvalid(Invalid):
    """A rate between two different currencies is positive and not of the future."""

    code = "RATE_INVALID"


class RateExists(Conflict):
    """There is a rate for that day already; rates are facts and stay."""

    code = "RATE_EXISTS"
    message = "There is a rate between these currencies for that day already."


class AmountMissing(Invalid):
    """Amount and currency go together."""

    code = "AMOUNT_MISSING"
    message = "An amount needs its currency, and a currency its amount."
