"""Why nobody can approve a request, in words, and what would help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apps.approvals.models import Request
from apps.approvals.rules import Decider, Shortage
from apps.approvals.selectors.conflicts import conflicted_ids
from apps.approvals.selectors.limits import exposure_in_words
from apps.approvals.selectors.staff import Staff, shortage_of, staff_of
from apps.approvals.selectors.stages import is_within_limit, people_named, stage_in_words
from apps.common.templatetags.finflow import amount as in_figures
from apps.identity.models import User


@dataclass(frozen=True)
class Deadlock:
    """What cannot be filled.

    Attributes:
        lack: which steps, what they need, and who is all that there is.
        barred: who else holds the role, and why that person does not count.
        remedies: what would solve it, each for itself.
    """

    lack: str
    barred: tuple[str, ...]
    remedies: tuple[str, ...]


def deadlock_of(request: Request) -> Deadlock | None:
    """Why the steps of an open request that are left cannot be filled; None if they can."""
    staff = staff_of(request.entity)
    found = shortage_of(request, staff)
    if found is None:
        return None
    reasons = _reasons(request, staff, found)
    names = _names({*found.people, *reasons})
    return Deadlock(
        lack=_lack(request, found, [names[pk] for pk in names if pk in found.people]),
        barred=tuple(f"{names[pk]} {reasons[pk]}." for pk in names if pk in reasons),
        remedies=_remedies(request, staff, found, reasons),
    )


def _reasons(request: Request, staff: Staff, found: Shortage) -> dict[int, str]:
    """Person to why he does not count, of those who otherwise could decide on these steps."""
    asked = {number: staff.asked(request, number) for number in found.steps}
    people = frozenset[int]().union(*asked.values())
    return {
        pk: _why_not(request, staff, pk, [n for n in found.steps if pk in asked[n]])
        for pk in people - found.people
    }


def _why_not(request: Request, staff: Staff, user_id: int, numbers: Sequence[int]) -> str:
    """Why somebody does not count whom these steps ask for."""
    if user_id == request.maker_id:
        return "made it"
    if user_id in conflicted_ids(request) - staff.waived(request).keys():
        return "took part in preparing it"
    if staff.absences.is_away(user_id):
        return "is away"
    if not any(staff.is_within(Decider(user_id), request, number) for number in numbers):
        return limit_in_words(request, staff, user_id)
    decider = staff.decider_for(user_id, request, conflicted_ids(request), numbers[0])
    if decider is not None and decider.mandate is not None:
        return "has handed it over"
    return "has decided on it already"


def limit_in_words(request: Request, staff: Staff, user_id: int) -> str:
    """How the limit of a person keeps him from approving, after his name."""
    most = staff.limits.ceiling_of(user_id, staff.roles[user_id], request)
    if most is None or most.terms is None:
        return f"has no limit for {request.kind}"
    limit = f"{in_figures(most.terms.amount, most.terms.currency)} {most.terms.currency}"
    if most.is_rate_missing:
        return f"has a limit of {limit}, which no rate compares with {request.currency}"
    return f"may approve up to {limit}"


def _lack(request: Request, found: Shortage, names: Sequence[str]) -> str:
    stages = [request.policy.stages[number] for number in found.steps]
    if len(stages) == 1:
        needs = f"needs {stage_in_words(stages[0])}"
    else:
        needs = f"need {found.needed} different people together"
    there = f"only {_joined(names, 'and')}" if names else "nobody"
    return f"{_steps(request, found)} {needs}, but {there} could decide on it at the moment."


def _steps(request: Request, found: Shortage) -> str:
    if len(request.policy.stages) == 1:
        return "It"
    numbers = [str(number + 1) for number in found.steps]
    return f"Step{_s(len(numbers))} {_joined(numbers, 'and')}"


def _remedies(
    request: Request, staff: Staff, found: Shortage, barred: Iterable[int]
) -> tuple[str, ...]:
    stages = [request.policy.stages[number] for number in found.steps]
    roles = sorted({str(stage["role"]) for stage in stages if not people_named(stage)})
    more = "1 more person" if found.missing == 1 else f"{found.missing} more people"
    is_limited = any(map(is_within_limit, stages)) and any(
        not staff.limits.allow(pk, staff.roles[pk], request) for pk in barred
    )
    is_anybody_away = any(staff.absences.is_away(pk) for pk in barred)
    by_return = ("Whoever is away hands it over to somebody who may decide, or is back.",)
    by_limit = (
        f"A controller defines a limit of at least {exposure_in_words(request)} for somebody who"
        " took no part in it.",
    )
    by_role = (
        f"An administrator gives the role {_joined(roles, 'or')} to {more} of"
        f" {request.entity.name} who took no part in it. The request then goes on by itself.",
    )
    return (
        *(by_return if is_anybody_away else ()),
        *(by_limit if is_limited else ()),
        *(by_role if roles else ()),
        "A controller puts a policy in force that these people can meet; the request is then"
        " withdrawn and asked anew.",
    )


def _names(user_ids: Iterable[int]) -> Mapping[int, str]:
    """People by name, in the order of their names."""
    people = User.objects.filter(pk__in=set(user_ids)).order_by("last_name", "first_name", "pk")
    return {person.pk: str(person) for person in people}


def _joined(words: Sequence[str], last: str) -> str:
    """ "a", "a and b", "a, b and c"."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _s(number: int) -> str:
    return "" if number == 1 else "s"
