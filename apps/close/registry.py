"""The handlers that carry out automated tasks, by the name that templates use.

Apps above register theirs from `AppConfig.ready`; close itself brings those for the apps below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from apps.close.errors import HandlerUnknown
from apps.close.states import TaskStatus

if TYPE_CHECKING:
    from apps.close.models import CloseTask
    from apps.identity.models import Entity, User
    from apps.ledger.models import Period


@dataclass(frozen=True)
class TaskContext:
    """What a handler works with.

    Attributes:
        actor: the system user, in whose name automated work is recorded.
        preparer: the person whose work it counts as; approvals exclude him.
        requests: ids of the approval requests that the task waits for (when settling).
    """

    task: CloseTask
    entity: Entity
    period: Period
    parameters: Mapping[str, Any]
    actor: User
    preparer: User
    requests: tuple[int, ...] = ()


@dataclass(frozen=True)
class TaskResult:
    """What a handler achieved.

    Attributes:
        summary: facts for the board and the evidence; JSON values.
        warning: words that make it "done with a warning"; empty otherwise.
        waits_for: approval request ids; if any, the task waits until all are approved.
        awaits: what else people have to do, in words; the task waits, and `settle` is asked again
            every few seconds until it answers without.
    """

    summary: dict[str, Any] = field(default_factory=dict)
    warning: str = ""
    waits_for: tuple[int, ...] = ()
    awaits: str = ""

    @property
    def status(self) -> TaskStatus:
        """Where the task goes from here."""
        if self.waits_for or self.awaits:
            return TaskStatus.SUBMITTED
        return TaskStatus.COMPLETED_WITH_WARNING if self.warning else TaskStatus.COMPLETED


Work = Callable[[TaskContext], TaskResult]


@dataclass(frozen=True)
class Handler:
    """How a task is carried out: idempotent, since a killed worker means a second call.

    Attributes:
        run: does the work.
        settle: runs once every request is approved, to act on the approval, and again while it
            answers that people still have something to do; may be None.
        follows_books: what it found holds for the books as they were: it is done again after the
            period was reopened.
    """

    run: Work
    settle: Work | None = None
    follows_books: bool = False


LOCK: Final = "ledger.lock_period"
"""The handler of the task that closes the period."""

_HANDLERS: dict[str, Handler] = {}


def register(
    name: str, run: Work, *, settle: Work | None = None, follows_books: bool = False
) -> None:
    """Offer a handler under a name like "reconciliation.run"; the rest as `Handler` says.

    Raises:
        ValueError: the name is taken.
    """
    if name in _HANDLERS:
        raise ValueError(f"handler {name!r} is registered twice")
    _HANDLERS[name] = Handler(run, settle, follows_books)


def handler_named(name: str) -> Handler:
    """The handler of this name.

    Raises:
        HandlerUnknown: nobody offers it; the message lists those that exist.
    """
    try:
        return _HANDLERS[name]
    except KeyError:
        known = ", ".join(sorted(_HANDLERS))
        raise HandlerUnknown(f"There is no handler {name!r}; known are {known}.") from None


def follows_books(name: str) -> bool:
    """Whether what the handler found holds for the books as they were; not for a manual task."""
    found = _HANDLERS.get(name)
    return found is not None and found.follows_books
