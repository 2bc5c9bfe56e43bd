"""Who could have approved something at an instant, and why (not): by the rule of the decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.approvals.errors import (
    AboveLimit,
    AlreadyDecidedByActor,
    AmountMissing,
    Away,
    HandedOver,
    InstantInFuture,
    LimitMissing,
    NotNamed,
    OwnWork,
    RateMissing,
    RoleMissing,
)
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_CONTROLS
from apps.approvals.rules import Ceiling, Decider
from apps.approvals.selectors.clocks import clock_at_work, reasons_for
from apps.approvals.selectors.conflicts import conflicted_ids, voters
from apps.approvals.selectors.deciders import decider_or_refusal
from apps.approvals.selectors.past import (
    Roster,
    conflict_gap,
    imagined,
    is_future,
    request_at,
    roster_at,
)
from apps.approvals.selectors.policies import policy_for
from apps.approvals.selectors.stages import stage_in_words
from apps.approvals.states import RequestStatus
from apps.common.access import authorize
from apps.common.errors import NotPermitted
from apps.common.templatetags.finflow import amount as in_figures
from apps.identity.models import Entity, User

_WHY_NOT = {
    AlreadyDecidedByActor: "had decided on it",
    Away: "was away",
    HandedOver: "had handed it over",
    RoleMissing: "did not hold the role",
    NotNamed: "was not named, or held no role that decides",
    AboveLimit: "above the limit",
    LimitMissing: "had no limit",
    RateMissing: "no rate to compare the limit with",
    OwnWork: "stood in for somebody who had a hand in it",
}


@dataclass(frozen=True)
class Candidate:
    """One person, whether he could have approved, and the facts that decide it.

    Attributes:
        code: of the refusal that he would have met; empty if he could.
        why: the same in words, or as whom he could.
        roles: those that he held on the entity then.
        limit: how much he could approve, in words.
        presence: "here", "away", or for whom he stood in or who stood in for him.
        part: what he had done with the subject: "made it", "had a hand in it", "none".
    """

    person: User
    could: bool
    code: str
    why: str
    roles: tuple[str, ...]
    limit: str
    presence: str
    part: str


@dataclass(frozen=True)
class Answer:
    """Who could have approved one request at one instant.

    Attributes:
        request: as it was then; None if no policy in force then asked for an approval.
        standing: what it waited for, or why nobody could decide, whoever he was.
        gaps: what is not on record for that instant.
        due_at: by when the step was to be decided; None: no clock ran.
        reasons: what that was counted from.
    """

    entity: Entity
    at: datetime
    request: Request | None
    standing: str
    is_waiting: bool
    candidates: tuple[Candidate, ...]
    gaps: tuple[str, ...]
    due_at: datetime | None = None
    reasons: tuple[str, ...] = ()

    @property
    def able(self) -> tuple[Candidate, ...]:
        """Those who could."""
        return tuple(one for one in self.candidates if one.could)


def who_could(request: Request, at: datetime, *, actor: User) -> Answer:
    """Who could have approved the request at the instant (a fixed number of queries).

    Raises:
        NotPermitted: the actor looks at no controls there.
        InstantInFuture: it has not come yet.
    """
    authorize(actor, VIEW_CONTROLS, entity_id=request.entity_id)
    _require_past(at)
    return _answer(request.entity, request_at(request, at), at, is_asked=request.requested_at <= at)


def who_could_approve_such(
    *,
    entity: Entity,
    item_type: str,
    at: datetime,
    maker: User,
    actor: User,
    amount: Decimal | None = None,
    currency: str = "",
) -> Answer:
    """`who_could` of a request that nobody made, had it been asked for at the instant.

    Raises:
        NotPermitted, InstantInFuture: as above.
        AmountMissing: amount without currency or the other way round.
    """
    authorize(actor, VIEW_CONTROLS, entity_id=entity.pk)
    _require_past(at)
    if (amount is None) != (not currency):
        raise AmountMissing(field="amount")
    policy = policy_for(
        entity_id=entity.pk, item_type=item_type, amount=amount, currency=currency, at=at
    )
    if policy is None:
        nothing = "No policy that was in force then asked for an approval."
        return Answer(entity, at, None, nothing, is_waiting=False, candidates=(), gaps=())
    request = imagined(
        entity=entity,
        item_type=item_type,
        policy=policy,
        at=at,
        maker=maker,
        amount=amount,
        currency=currency,
    )
    return _answer(entity, request, at, is_asked=True)


def _require_past(at: datetime) -> None:
    if is_future(at):
        raise InstantInFuture(field="at")


def _answer(entity: Entity, request: Request, at: datetime, *, is_asked: bool) -> Answer:
    roster = roster_at(entity, at, besides=conflicted_ids(request))
    is_waiting = request.status == RequestStatus.PENDING
    found = tuple(_candidates(request, roster, is_waiting=is_waiting))
    later = "It had not been asked for yet: told as if it had, with all who took part since."
    made = clock_at_work(request) if is_asked and request.pk else None
    gaps = [*([] if is_asked else [later]), conflict_gap(request), *roster.gaps]
    return Answer(
        entity=entity,
        at=at,
        request=request,
        standing=_standing(request),
        is_waiting=is_waiting,
        candidates=tuple(sorted(found, key=lambda one: not one.could)),
        gaps=tuple(filter(None, gaps)),
        due_at=None if made is None else made.due_at,
        reasons=reasons_for(made),
    )


def _standing(request: Request) -> str:
    if request.status != RequestStatus.PENDING:
        return f"Nobody could decide on it: {request.get_status_display().lower()}."
    stages = request.policy.stages
    step = "" if len(stages) == 1 else f"step {request.stage + 1} of {len(stages)}, "
    return f"It waited for {step}{stage_in_words(stages[request.stage])}."


def _candidates(request: Request, roster: Roster, *, is_waiting: bool) -> Iterable[Candidate]:
    """Everybody who ever held a role there that decides, and whoever had a hand in it."""
    part = conflicted_ids(request)
    for pk, account in roster.accounts.items():
        if pk not in part and pk not in roster.once_deciding:
            continue
        held = roster.roles.get(pk, frozenset())
        found = decider_or_refusal(request, account.user, roster.staff)
        refusal = found if isinstance(found, NotPermitted) else None
        yield Candidate(
            person=account.user,
            could=is_waiting and refusal is None,
            code="" if refusal is None else refusal.code,
            why=_why(request, account.user, found, is_active=account.is_active),
            roles=tuple(sorted(held)),
            limit=_limit(request, pk, held, roster),
            presence=_presence(request, pk, roster),
            part=_part(request, pk, part),
        )


def _why(request: Request, person: User, found: Decider | NotPermitted, *, is_active: bool) -> str:
    if isinstance(found, Decider):
        return _how(request, found)
    if not is_active:
        return "had no account that was active"
    if isinstance(found, OwnWork) and person.pk == request.maker_id:
        return "had made it"
    if isinstance(found, OwnWork) and person.pk in conflicted_ids(request):
        return "had a hand in it"
    if isinstance(found, AlreadyDecidedByActor) and person.pk not in voters(request):
        return "stood in for somebody who had decided on it"
    return _WHY_NOT.get(type(found), found.message)


def _how(request: Request, decider: Decider) -> str:
    if decider.person_id in conflicted_ids(request):
        return "could, under a waiver"
    return "could" if decider.mandate is None else "could, in somebody's place"


def _limit(request: Request, pk: int, held: frozenset[str], roster: Roster) -> str:
    return ceiling_in_words(roster.staff.limits.ceiling_of(pk, held, request), request)


def ceiling_in_words(most: Ceiling | None, request: Request) -> str:
    """ "not limited", "none", "10,000.00 EUR", "10,000.00 USD, no rate to EUR"."""
    if most is None:
        return "not limited"
    if most.terms is None:
        return "none"
    figure = f"{in_figures(most.terms.amount, most.terms.currency)} {most.terms.currency}"
    return f"{figure}, no rate to {request.currency}" if most.is_rate_missing else figure


def _presence(request: Request, pk: int, roster: Roster) -> str:
    """Whether he was there, and who stood in for whom."""
    absences, accounts = roster.staff.absences, roster.accounts
    words = ["away"] if absences.is_away(pk) else []
    for mandate in absences.in_force:
        if not mandate.is_about(request.item_type):
            continue
        if mandate.delegator_id == pk:
            words.append(f"handed over to {accounts[mandate.delegate_id].user}")
        if mandate.delegate_id == pk:
            words.append(f"stood in for {accounts[mandate.delegator_id].user}")
    return ", ".join(words) or "here"


def _part(request: Request, pk: int, part: frozenset[int]) -> str:
    if pk == request.maker_id:
        return "made it"
    return "had a hand in it" if pk in part else "none"
