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


class SubjectOvertaken(Conflict):
    """What the subject says is no longer so, though nobody changed it."""

    code = "SUBJECT_OVERTAKEN"
    remedy = "Return it, so that it is brought up to date and asked for anew."


class ApprovalUsed(Conflict):
    """The approval was acted upon; what was done is undone where it was done."""

    code = "APPROVAL_USED"
    message = "This approval was acted upon already, so it cannot be revoked any more."


class ApprovalOutgrown(Conflict):
    """What belongs together has grown beyond what the policy or an approver covers."""

    code = "APPROVAL_OUTGROWN"
    message = (
        "What belongs together with this has grown since it was approved, beyond its approval."
    )
    remedy = "Revoke the approval and ask anew: the larger amount then has to be approved."


class TooManyAtOnce(Invalid):
    """More requests than are decided on at once."""

    code = "TOO_MANY_AT_ONCE"
    remedy = "Choose fewer."


class NotAsked(Invalid):
    """This person is not asked for an opinion."""

    code = "NOT_ASKED"
    remedy = "Ask somebody who looks at requests and has no seat at the steps that are left."


class SeatMissing(Invalid):
    """The step at work asks nothing of this person, or his vote is given."""

    code = "SEAT_MISSING"
    message = "This person has no open seat at the step at work."
    remedy = "Open the request again: it names who is asked for."


class NotEligible(Invalid):
    """Whoever is to take a seat could not decide."""

    code = "NOT_ELIGIBLE"
    remedy = "Choose somebody who decides here and took no part in it."


class SeatsShort(Conflict):
    """Somebody is needed more at a later step."""

    code = "SEATS_SHORT"
    message = "Who would take this seat is needed at a later step, which nobody could fill then."
    remedy = "Choose somebody else."


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


class Away(NotPermitted):
    """The actor is on leave, and decides nothing until he is back."""

    code = "AWAY"
    message = "You are marked as away today, so you cannot decide."
    remedy = "Cancel your leave if you are back."


class HandedOver(NotPermitted):
    """The actor handed over what he would decide; one seat, one person at a time."""

    code = "HANDED_OVER"
    message = "You handed this over to somebody else."
    remedy = "Revoke the delegation to decide yourself."


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


class InstantInFuture(Invalid):
    """What was so at an instant can be told once it has come."""

    code = "INSTANT_IN_FUTURE"
    message = "This instant has not come yet."
    remedy = "Choose one that is over."


class DaysInvalid(Invalid):
    """The last day is before the first."""

    code = "DAYS_INVALID"
    message = "The last day is before the first."


class AmountMissing(Invalid):
    """Amount and currency go together."""

    code = "AMOUNT_MISSING"
    message = "An amount needs its currency, and a currency its amount."


class EvidenceMissing(Invalid):
    """The policy asks for evidence of kinds that nobody has brought yet."""

    code = "EVIDENCE_MISSING"
    message = "This cannot be approved without its evidence."
    remedy = "Bring it with your decision, or have the maker add it."


class ResolutionMissing(Invalid):
    """The policy asks how what was open was resolved, and nobody has said it yet."""

    code = "RESOLUTION_MISSING"
    message = "Say how what was open was resolved."
    remedy = "Write it with your decision, or have the maker add it."


class AttachmentEmpty(Invalid):
    """There is nothing in the file or text."""

    code = "ATTACHMENT_EMPTY"
    message = "There is nothing in it."
    remedy = "Choose a file that has content, or write the text."


class AttachmentTooLarge(Invalid):
    """The file is larger than evidence may be."""

    code = "ATTACHMENT_TOO_LARGE"
    status = 413
    remedy = "Send the part that matters, or a picture of fewer pixels."


class AttachmentTypeRefused(Invalid):
    """By its content the file is of no type that is taken as evidence."""

    code = "ATTACHMENT_TYPE_REFUSED"
    message = "A file of this type is not taken as evidence."
    remedy = "Send PNG, JPEG, PDF, XLSX, or CSV and plain text in UTF-8."


class AttachmentMisnamed(Invalid):
    """The file is something else than its name says."""

    code = "ATTACHMENT_MISNAMED"
    remedy = "Choose the right file, or give it the name of what it is."


class AttachmentUnsound(Invalid):
    """The file is cut off, locked, carries macros, or unpacks to far more than it seems."""

    code = "ATTACHMENT_UNSOUND"


class AttachmentUnfit(Invalid):
    """Evidence of this kind comes as files of other types."""

    code = "ATTACHMENT_UNFIT"


class AttachmentExists(Conflict):
    """The same content is there under the same kind."""

    code = "ATTACHMENT_EXISTS"
    message = "Exactly this is attached already."
    remedy = "Leave it out."


class AttachmentMissing(Conflict):
    """There is no evidence of an earlier request that is not here already."""

    code = "ATTACHMENT_MISSING"
    message = "There is no evidence of an earlier request to carry over."


class AttachmentsTooMany(Conflict):
    """A request carries so much evidence and no more."""

    code = "ATTACHMENTS_TOO_MANY"
    remedy = "Put several pages into one document."


class AttachmentLost(Conflict):
    """The attachment is on record, but its content is not in the storage."""

    code = "ATTACHMENT_LOST"
    message = "The content of this attachment is not in the storage."
    remedy = "Restore it from a backup and tell your administrator."


class AttachmentChanged(Conflict):
    """The stored bytes are not those that were attached."""

    code = "ATTACHMENT_CHANGED"
    message = "What is stored is not what was attached."
    remedy = "Do not use it; restore it from a backup and tell your administrator."


class WaiverInvalid(Invalid):
    """The waiver would not work."""

    code = "WAIVER_INVALID"


class SignerNotIndependent(NotPermitted):
    """Who stands in for somebody, or has him stand in, signs no waiver for him."""

    code = "SIGNER_NOT_INDEPENDENT"
    message = "You and this person stand in for each other, so others sign."
    remedy = "Somebody independent of both has to sign."


class LeaveInvalid(Invalid):
    """The leave would not work."""

    code = "LEAVE_INVALID"


class HoursInvalid(Invalid):
    """The working hours would not work."""

    code = "HOURS_INVALID"


class DelegationInvalid(Invalid):
    """The delegation would not work."""

    code = "DELEGATION_INVALID"


class DelegationOverlaps(Conflict):
    """Somebody stands in already for the same kind of thing on some of these days."""

    code = "DELEGATION_OVERLAPS"
    message = "Somebody stands in already for this on some of these days."
    remedy = "Revoke that delegation first, or choose other days."


class ApproversTooFew(Conflict):
    """Things of this kind need more people than the policy, or what was decided, has."""

    code = "APPROVERS_TOO_FEW"
