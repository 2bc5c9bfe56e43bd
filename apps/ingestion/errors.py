from apps.common.errors import Conflict, Invalid


class SourceExists(Conflict):
    """The code is taken on this entity."""

    code = "SOURCE_EXISTS"
    message = "A source with this code exists."


class SourceInvalid(Invalid):
    """The source's settings do not work; the message names the key at fault."""

    code = "SOURCE_INVALID"


class SourceAmbiguous(Invalid):
    """Several entities have a source of this code."""

    code = "SOURCE_AMBIGUOUS"
    message = "Several entities have a source of this code."
    remedy = "Name the entity too."


class SourceUnclear(Invalid):
    """Neither an account nor the name of a file says where it comes from."""

    code = "SOURCE_UNCLEAR"
    message = "The file names no account, and its name is only a number."
    remedy = "Put the origin into its name, such as bank_2023-04.csv, or name the source."


class FileMissing(Conflict):
    """The drop folder does not hold the file of a source."""

    code = "FILE_MISSING"
    remedy = "Put the file there, or upload it, and try again."


class FileTooLarge(Invalid):
    """The file is larger than what is taken at once."""

    code = "TOO_LARGE"
    status = 413
    remedy = "Split the file by day or by account and import the parts."


class SampleMissing(Conflict):
    """A mapping is to be tried, and there is no file to try it on."""

    code = "SAMPLE_MISSING"
    message = "No file has come into this source yet to try the mapping on."
    remedy = "Choose a sample file."


class SourceRetired(Conflict):
    """The source takes no files any more."""

    code = "SOURCE_RETIRED"
    message = "This source is retired."
    remedy = "Import into the source that replaced it."


class SourceNotConnected(Conflict):
    """The source has no connector: its files are uploaded."""

    code = "SOURCE_NOT_CONNECTED"
    message = "This source has no connector to pull by."
    remedy = "Upload a file, or have a controller set up a connector."


class ScheduleInvalid(Invalid):
    """A schedule that is no cron line, or whose day never comes."""

    code = "SCHEDULE_INVALID"
    message = "A schedule has five cron fields: minute, hour, day, month, day of the week."
    remedy = "For example 30 6 * * mon-fri, or: every 15 minutes."


class WindowInvalid(Invalid):
    """The days that a pull is asked for make no sense."""

    code = "WINDOW_INVALID"
    message = "A pull is about at most 400 days, and its last day is not before its first."


class SourceResting(Conflict):
    """The source failed too often in a row and is left alone for a while."""

    code = "SOURCE_RESTING"
    message = "This source failed too often in a row and is left alone for a while."
    remedy = "Wait, or correct its connector: that lets it be tried at once."


class LineNotCorrectable(Conflict):
    """Several rows or entries stand on the line, or what cannot be read is no line at all."""

    code = "LINE_NOT_CORRECTABLE"
    message = "This line holds no single entry that could be corrected by itself."
    remedy = "Ask the sender for a corrected file and import it: what is known is not added twice."


class LineCorrected(Conflict):
    """Somebody has corrected the line already."""

    code = "LINE_CORRECTED"
    message = "This line was corrected already."
    remedy = "Look at the correction; what came in by it can be amended by a corrected file."


class LineReadAgain(Conflict):
    """The file was read again since, by a changed mapping."""

    code = "LINE_READ_AGAIN"
    message = "This file was read again by another mapping since."
    remedy = "Open its last reading: if the line is still rejected, correct it there."


class StillRejected(Invalid):
    """The corrected line is not acceptable either."""

    code = "STILL_REJECTED"
    message = "Nothing is left of the line."


class LinesBelongTogether(Conflict):
    """Other lines of the same statement or entry cannot be read either; `lines` has their ids."""

    code = "LINES_BELONG_TOGETHER"
    message = "Other lines of the same statement or entry cannot be read either."
    remedy = "Correct them together: only then can the file prove that they are right."


class CorrectionUnproven(Conflict):
    """With the correction the statement would not tie, or the entry not balance."""

    code = "CORRECTION_UNPROVEN"
    remedy = (
        "Look up what the line says at its sender; if the others are at fault, ask for a"
        " corrected file and import it."
    )


class CorrectionInvalid(Invalid):
    """A column that the file does not have, a text that cannot be stored, or no reason."""

    code = "CORRECTION_INVALID"
