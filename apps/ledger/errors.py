"""The refusals that the ledger can answer with."""

from apps.common.errors import Conflict, Invalid, NotPermitted


class AccountExists(Conflict):
    """The account code is taken."""

    code = "ACCOUNT_EXISTS"
    message = "An account with this code exists."


class AccountUnknown(Invalid):
    """The entity's chart has no such account."""

    code = "ACCOUNT_UNKNOWN"
    remedy = "Use a code of the entity's chart of accounts, or have the account added."


class AccountRetired(Invalid):
    """The account takes no new lines."""

    code = "ACCOUNT_RETIRED"
    remedy = "Choose another account, or have this one reinstated."


class FiscalCalendarInvalid(Invalid):
    """The rules of a fiscal calendar contradict each other or do not exist."""

    code = "FISCAL_CALENDAR_INVALID"


class CalendarExists(Conflict):
    """An entity has one fiscal calendar."""

    code = "CALENDAR_EXISTS"
    message = "This entity has a fiscal calendar."
    remedy = "Add a fiscal year to it."


class FiscalYearExists(Conflict):
    """The periods of that year are there."""

    code = "FISCAL_YEAR_EXISTS"
    message = "The periods of this fiscal year exist already."


class PeriodMissing(Invalid):
    """No period contains the day, or none has the name."""

    code = "PERIOD_MISSING"
    remedy = "Choose another date, or have the fiscal year added to the calendar."


class PeriodClosed(Conflict):
    """The period takes no entry of this kind."""

    code = "PERIOD_CLOSED"
    remedy = "Choose a date in an open period."


class EntriesWaiting(Conflict):
    """Submitted entries still wait in the period that is to be closed."""

    code = "ENTRIES_WAITING"
    remedy = "Have them decided and posted, or withdrawn, first."


class ReopeningInvalid(Invalid):
    """Scope or end of a reopening is not acceptable; the message names which."""

    code = "REOPENING_INVALID"


class ReopeningExists(Conflict):
    """A period has one reopening at a time that waits for approval or is open."""

    code = "REOPENING_EXISTS"
    message = "A reopening of this period waits for approval or is open."
    remedy = "Withdraw its request, or end it, first."


class ReopeningOver(Conflict):
    """The time of the reopening is over: nothing is posted under it any more."""

    code = "REOPENING_OVER"
    message = "The time of this reopening is over."
    remedy = "Have the period reopened again, or choose a date in an open period."


class OutsideReopening(Conflict):
    """The period is reopened, but not for entries of this kind or on these accounts."""

    code = "OUTSIDE_REOPENING"
    remedy = "Choose a date in an open period, or end the reopening and ask for a wider one."


class LineInvalid(Invalid):
    """A line of a journal entry is not acceptable."""

    code = "LINE_INVALID"


class TextInvalid(Invalid):
    """A text is too long or holds a character that cannot be stored."""

    code = "TEXT_INVALID"


class EntryEmpty(Invalid):
    """A journal entry has lines."""

    code = "ENTRY_EMPTY"
    message = "A journal entry has at least one line."


class EntryUnbalanced(Invalid):
    """Debits differ from credits in some currency."""

    code = "ENTRY_UNBALANCED"
    remedy = "Correct the lines so that debits equal credits in each currency."


class EntryExists(Conflict):
    """An entry with this external id came from the same source."""

    code = "ENTRY_EXISTS"
    message = "An entry with this external id from this source exists."


class KindNotWritten(Invalid):
    """Imports and reversals are not written by hand."""

    code = "KIND_NOT_WRITTEN"
    message = "Only manual entries and adjustments are drafted."
    remedy = "Post an extract, or reverse an entry."


class ApprovalMissing(Conflict):
    """The policy in force asks for an approval that is not there."""

    code = "APPROVAL_MISSING"
    message = "The policy in force asks for an approval of exactly this content."
    remedy = "Submit it and wait for the decision."


class ExposureUnknown(Conflict):
    """Approval limits exist, but not in the currencies of the entry: refused, not waved through."""

    code = "EXPOSURE_UNKNOWN"


class NotReversible(Conflict):
    """Only posted entries are reversed, once, and a reversal is not."""

    code = "NOT_REVERSIBLE"


class ReasonMissing(Invalid):
    """The step needs a reason in words."""

    code = "REASON_MISSING"
    message = "Say why."


class ExtractRefused(Invalid):
    """Some entries of an extract are not acceptable; none was posted."""

    code = "EXTRACT_REFUSED"
    remedy = "Correct them at the source and send the extract again; nothing of it was posted."


class ExtractChanged(Conflict):
    """Entries that are posted came again with other content."""

    code = "EXTRACT_CHANGED"
    remedy = "Posted entries do not change: reverse them here, or send the change as a new entry."


class NothingToAnalyse(Invalid):
    """The account was never posted to in this currency up to the period's end."""

    code = "NOTHING_TO_ANALYSE"
    message = "Nothing was posted to this account in this currency by the end of the period."


class AnalysisItemInvalid(Invalid):
    """An item of an account analysis is not acceptable."""

    code = "ANALYSIS_ITEM_INVALID"


class SupportMissing(Invalid):
    """What an item rests on does not exist here, or does not stand any more."""

    code = "SUPPORT_MISSING"
    remedy = "Name one that stands, or a document instead."


class FiguresMoved(Conflict):
    """The ledger or a support says something else than when the analysis was written."""

    code = "FIGURES_MOVED"
    remedy = "Look at the figures as they are now, and prepare a new version."


class ExplanationMissing(Invalid):
    """Something is above its threshold, and nobody says why."""

    code = "EXPLANATION_MISSING"
    remedy = "Prepare a version that says why."


class NotThePreparer(NotPermitted):
    """Whoever prepared a version signs for it."""

    code = "NOT_THE_PREPARER"
    message = "Only the person who prepared this version signs it or takes it back."
    remedy = "Prepare a version of your own."


class ThresholdInvalid(Invalid):
    """A threshold is an amount of zero or more."""

    code = "THRESHOLD_INVALID"
    message = "A threshold is an amount of zero or more."
