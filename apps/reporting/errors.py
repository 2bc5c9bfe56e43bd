from apps.common.errors import Conflict, Invalid


class SigningImpossible(Conflict):
    """Key or certificate for signing cannot be used, or what they sign does not verify."""

    code = "SIGNING_IMPOSSIBLE"
    remedy = "Check EVIDENCE_SIGNING_KEY_FILE and EVIDENCE_SIGNING_CERT_FILE."


class RulesInvalid(Invalid):
    """A rule set has faults; each is named by its path."""

    code = "RULES_INVALID"
    remedy = "Correct the rules; docs/explanation/matching.md lists every setting."


class LinesRejected(Invalid):
    """Lines of a file cannot be read, so that its totals would be wrong."""

    code = "LINES_REJECTED"
    remedy = "Correct these lines, or leave them out with --skip-rejected."


class RowsUnclear(Invalid):
    """Rows cannot be counted once some of those on one line of text are left out."""

    code = "ROWS_UNCLEAR"
    remedy = "Write one row a line, or correct the rejected ones."


class ItemsUnfit(Invalid):
    """The items of a file cannot be compared."""

    code = "ITEMS_UNFIT"
    remedy = "Split the files by account or by day."


class ReportNotWritten(Invalid):
    """The file for a report cannot be written."""

    code = "REPORT_NOT_WRITTEN"
    remedy = "Name a file in a folder that exists and that may be written to."


class ReportTooLong(Invalid):
    """More items than a report is made of while somebody waits."""

    code = "REPORT_TOO_LONG"
    remedy = "Take the list of unmatched items, or the summary."
