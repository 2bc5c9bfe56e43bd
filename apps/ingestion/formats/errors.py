"""The refusals of a file: facts with a code, a place and a remedy, never a value of the file.

A message is shown to people and written to logs, so it names lines, fields and shapes and never
repeats what a cell holds.
"""

from __future__ import annotations

from apps.common.errors import Refusal


class FileRefused(Refusal):
    """A whole file that is not read.

    Args:
        message: what is wrong, in plain words.
        line: 1-based line of the file, None when the fault has no place.
        field: the field or column at fault, '' for none.
        remedy: what to do about it; each class has a default.
    """

    code = "FILE_REFUSED"
    status = 422
    message = "The file cannot be imported."
    remedy = "Correct the file and import it again."

    def __init__(
        self,
        message: str | None = None,
        *,
        line: int | None = None,
        field: str = "",
        remedy: str | None = None,
    ) -> None:
        details = {} if line is None else {"line": line}
        super().__init__(message, remedy=remedy, field=field, **details)
        self.line = line


class UnknownFormat(FileRefused):
    """No format recognises the content, or the one asked for does not exist."""

    code = "UNKNOWN_FORMAT"
    status = 415
    message = "The content of the file is in none of the supported formats."
    remedy = "Send one of the supported formats, or name the format of the source."


class MalformedFile(FileRefused):
    """The content breaks the grammar of its format, or ends too early."""

    code = "MALFORMED_FILE"
    status = 400
    remedy = "Export or download the file again, complete and unedited."


class EmptyFile(FileRefused):
    """There is nothing in the file."""

    code = "EMPTY_FILE"
    message = "The file is empty."
    remedy = "Check the export at its source, then send the file again."


class AmbiguousNumbers(FileRefused):
    """The amounts can be read with a decimal comma or with a decimal point."""

    code = "AMBIGUOUS_NUMBERS"
    remedy = "State the decimal separator in the field mapping of the source."


class AmbiguousSigns(FileRefused):
    """Amounts have no sign, and a column that is not mapped tells debits from credits."""

    code = "AMBIGUOUS_SIGNS"
    remedy = (
        "Map the column as `indicator` in the field mapping of the source; if it says something "
        "else, map the columns of dates and amounts without it."
    )


class AmbiguousAccount(FileRefused):
    """A column of accounts may hold one's own or those of the other parties."""

    code = "AMBIGUOUS_ACCOUNT"
    remedy = (
        "Map the column as `account` in the field mapping of the source if it holds your own "
        "accounts; if it holds those of others, map the columns of dates and amounts without it."
    )


class SeveralTables(FileRefused):
    """More than one sheet of a workbook has the columns of a table."""

    code = "SEVERAL_TABLES"
    remedy = "Name one as `sheet` in the field mapping of the source, and import each by its own."


class AmbiguousDates(FileRefused):
    """The dates can be read in more than one way, or in none."""

    code = "AMBIGUOUS_DATES"
    remedy = "State the date format in the field mapping of the source."


class WrongEncoding(FileRefused):
    """The bytes are not text in a supported encoding."""

    code = "WRONG_ENCODING"
    remedy = "Save the file as UTF-8, or state its encoding in the field mapping of the source."


class ForbiddenConstruct(FileRefused):
    """Something that the format allows but we never do (DOCTYPE, duplicate keys, NUL)."""

    code = "FORBIDDEN_CONSTRUCT"
    remedy = "Ask the sender for a file without it."


class FileTooLarge(FileRefused):
    """The file, or one part of it, is larger than what is read at once."""

    code = "FILE_TOO_LARGE"
    status = 413
    remedy = "Split the file by day or by account and import the parts."


class ColumnMissing(FileRefused):
    """A column that is needed, or that the mapping names, is not in the file."""

    code = "COLUMN_MISSING"
    remedy = "Add the column to the export, or correct the field mapping of the source."


class MappingInvalid(Refusal):
    """A field mapping that makes no sense by itself.

    Args:
        key: path of the key at fault, such as ``columns.amount``.
        message: what is wrong with it.
    """

    code = "MAPPING_INVALID"
    status = 422
    remedy = "Correct this key of the field mapping."

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}", field=key)
        self.key = key
