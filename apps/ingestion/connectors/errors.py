"""The refusals of a connector: what is wrong with its settings, or why a pull brought nothing.

A message is shown to people and kept with the pull, so that it names places and shapes and never
repeats a credential, an address with one, or what the other side answered.
"""

from __future__ import annotations

from apps.common.errors import Conflict, Invalid


class ConnectorInvalid(Invalid):
    """The settings or the credentials of a connector do not work.

    Args:
        path: the setting at fault, such as ``paging.kind``.
        problem: what is wrong with it.
    """

    code = "CONNECTOR_INVALID"
    remedy = "Correct this setting of the connector."

    def __init__(self, path: str, problem: str, *, remedy: str | None = None) -> None:
        super().__init__(f"{path}: {problem}", remedy=remedy, field=path)
        self.path = path


class PullFailed(Conflict):
    """A source could not be pulled; nothing of it was imported.

    Attributes:
        is_passing: whether it may well work a little later, without anybody doing anything.
    """

    code = "PULL_FAILED"
    message = "The source could not be pulled."
    is_passing = False


class NothingThere(PullFailed):
    """The file that a source names is not there."""

    code = "NOTHING_THERE"
    message = "The file is not there."
    remedy = "Put the file there, or correct the path of the source."


class Unreachable(PullFailed):
    """The other side does not answer, or breaks off."""

    code = "UNREACHABLE"
    message = "The other side does not answer."
    remedy = "It is tried again by itself. If it lasts, look whether the other side is up."
    is_passing = True


class TookTooLong(PullFailed):
    """The other side answers more slowly than the connector's timeout allows."""

    code = "TOOK_TOO_LONG"
    message = "The answer took longer than the timeout of the source."
    remedy = "Ask for less at once, or raise the timeout."
    is_passing = True


class AccessRefused(PullFailed):
    """The other side does not take the credentials."""

    code = "ACCESS_REFUSED"
    message = "The other side refuses these credentials."
    remedy = "Enter the credentials of the source again."


class AnswerRefused(PullFailed):
    """The other side refuses the request, or sends it elsewhere."""

    code = "ANSWER_REFUSED"
    message = "The other side refuses the request."
    remedy = "Correct the settings of the source."


class AnswerMalformed(PullFailed):
    """The answer is not what the settings say that it is."""

    code = "ANSWER_MALFORMED"
    message = "The answer is not what the settings of the source say."
    remedy = "Look at what the other side answers and correct the settings."


class AnswerTooLarge(PullFailed):
    """The answer has more bytes, rows or pages than are taken at once."""

    code = "ANSWER_TOO_LARGE"
    message = "The answer is larger than what is taken at once."
    remedy = "Ask for less at once, or raise the limit."


class EgressRefused(PullFailed):
    """The installation does not let a connector go to that host or address."""

    code = "EGRESS_REFUSED"
    message = "This installation does not connect to that host."
    remedy = "Have the host added to EGRESS_HOSTS (and its network, where it is a private one)."
