"""Duties that one person should not have both of: who could do both, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .spells import Spell


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two duties that are to lie with different people.

    Args:
        name: stable, for programs.
        first, second: what is done, in words: "ask for approvals", "decide on them".
        first_roles, second_roles: the roles that allow it.
        risk: what may happen where one person has both.
    """

    name: str
    first: str
    second: str
    first_roles: frozenset[str]
    second_roles: frozenset[str]
    risk: str


@dataclass(frozen=True, slots=True)
class Both:
    """Somebody who could do both, by which roles, and in which part of the days asked about.

    Args:
        since, until: the first and the last instant of it, within the days.
    """

    person_id: int
    roles: tuple[str, ...]
    since: datetime
    until: datetime


def could_do_both(
    spells: Iterable[Spell], pairing: Pairing, start: datetime, end: datetime
) -> tuple[Both, ...]:
    """Everybody who held roles for both duties at the same time, from `start` on, before `end`.

    Of several stretches of time, from the beginning of the first to the end of the last.
    """
    by_person: dict[int, list[Spell]] = {}
    for spell in spells:
        if spell.role in pairing.first_roles | pairing.second_roles and spell.touches(start, end):
            by_person.setdefault(spell.person_id, []).append(spell)
    found = (_both(pk, held, pairing, start, end) for pk, held in sorted(by_person.items()))
    return tuple(both for both in found if both is not None)


def _both(
    person_id: int, held: list[Spell], pairing: Pairing, start: datetime, end: datetime
) -> Both | None:
    together = [
        (
            one,
            other,
            max(_since(one, start), _since(other, start)),
            min(_until(one, end), _until(other, end)),
        )
        for one in held
        if one.role in pairing.first_roles
        for other in held
        if other.role in pairing.second_roles
    ]
    overlapping = [stretch for stretch in together if stretch[2] < stretch[3]]
    if not overlapping:
        return None
    return Both(
        person_id=person_id,
        roles=tuple(sorted({spell.role for one in overlapping for spell in one[:2]})),
        since=min(since for _, _, since, _ in overlapping),
        until=max(until for _, _, _, until in overlapping),
    )


def _since(spell: Spell, start: datetime) -> datetime:
    return start if spell.since is None else max(spell.since, start)


def _until(spell: Spell, end: datetime) -> datetime:
    return end if spell.until is None else min(spell.until, end)
