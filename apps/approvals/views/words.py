"""What happened to a request and what a verdict will do, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.approvals.models import Decision, Request
from apps.approvals.selectors import (
    approvals_missing,
    kinds_asked,
    kinds_in_words,
    open_questions,
    record_of,
    seen_at_version,
    staff_of,
    stage_in_words,
)
from apps.approvals.states import EvidenceKind, RequestStatus, Verdict
from apps.audit.models import Event
from apps.common.templatetags.finflow import amount, status

_PAST = {
    Verdict.APPROVE: "approved it",
    Verdict.REJECT: "rejected it",
    Verdict.RETURN: "returned it",
}
_STATE_AFTER = {Verdict.APPROVE: "approved", Verdict.REJECT: "rejected", Verdict.RETURN: "returned"}
_SHOWN_OF_A_HASH = 12


def amount_in_words(request: Request) -> str:
    """ "12,450.00 EUR", or nothing where the subject has no amount."""
    if request.amount is None:
        return ""
    return f"{amount(request.amount, request.currency)} {request.currency}"


def step_in_words(request: Request) -> str:
    """Who has to decide at this step: "1 approver", "step 2 of 3: 2 controllers"."""
    stages = request.policy.stages
    people = stage_in_words(stages[request.stage])
    return people if len(stages) == 1 else f"step {request.stage + 1} of {len(stages)}: {people}"


def policy_in_words(request: Request) -> str:
    """What the policy asks for: "Policy for journal entry, version 2: 1 reviewer, then 1 approver,
    for amounts from 10,000.00 EUR."
    """
    policy = request.policy
    sentence = f"Policy for {request.kind}, version {policy.version}: "
    sentence += ", then ".join(stage_in_words(stage) for stage in policy.stages)
    limits = [
        f"{word} {amount(limit, policy.currency)} {policy.currency}"
        for word, limit in (("from", policy.least_amount), ("below", policy.below_amount))
        if limit
    ]
    if limits:
        sentence += f", for amounts {' and '.join(limits)}"
    evidence = kinds_in_words(kinds_asked(policy))
    return f"{sentence}. It asks for {evidence}." if evidence else f"{sentence}."


def consequences(request: Request, verdict: Verdict) -> list[str]:
    """What the verdict does, said before it is given."""
    if verdict == Verdict.REJECT:
        return [
            "The request ends here, whatever others decided before.",
            f"{request.maker} reads your reason; what was asked for is not done.",
        ]
    if verdict == Verdict.RETURN:
        return [
            f"It goes back to {request.maker}, who reads your reason, changes it and asks again.",
            "Every step then starts anew.",
        ]
    rest = _missing(request) - 1
    last = "Yours is the last approval that is needed: it takes effect at once."
    more = f"{_counted(rest, 'more approval')} needed after yours."
    there = len(request.attachments.all())
    evidence = f"Your decision covers the evidence as it is now: {there} attachment{_s(there)}."
    return [
        more if rest else last,
        f"You approve exactly this content ({request.subject_hash[:_SHOWN_OF_A_HASH]}…): if it"
        " changes, it has to be approved again.",
        *([evidence] if there else []),
        *_unanswered(request),
        "You decide once. Until somebody acts upon the approval, you can still revoke it.",
    ]


def _unanswered(request: Request) -> list[str]:
    """That somebody was asked and has not answered."""
    names = ", ".join(str(one.person) for one in open_questions(request))
    return [f"You do not wait for the answer of {names}."] if names else []


def done_in_words(request: Request, verdict: Verdict) -> str:
    """What the verdict did, said afterwards."""
    if verdict == Verdict.REJECT:
        return f"Rejected: {request.title}."
    if verdict == Verdict.RETURN:
        return f"Returned to {request.maker}: {request.title}."
    if request.status == RequestStatus.APPROVED:
        return f"Approved: {request.title}."
    rest = _counted(_missing(request), "more")
    return f"Your approval of {request.title} is recorded; {rest} needed."


def steps(request: Request) -> list[dict[str, Any]]:
    """Each stage of the policy: whom it asks for, how it stands, who decided."""
    made = list(request.decisions.all())
    return [
        {
            "number": number,
            "people": stage_in_words(stage),
            "state": _state_of_step(request, number - 1, made),
            "deciders": [decision for decision in made if decision.stage == number - 1],
            "moved": [one for one in request.reassignments.all() if one.stage == number - 1],
        }
        for number, stage in enumerate(request.policy.stages, start=1)
    ]


def events(request: Request) -> list[dict[str, Any]]:
    """The record of the request for a timeline, newest first, with what people wrote."""
    return [
        {"at": event.occurred_at, "who": str(event.actor), **_told(event, request)}
        for event in record_of(request)
    ]


def changes_since(request: Request, version: int) -> list[dict[str, Any]]:
    """What is different from the version that somebody looked at, for a comparison."""
    seen = seen_at_version(request, version)
    if seen is None:
        return []
    before, now = _done_until(request, version), _done_until(request, request.version)
    rows = [
        ("Status", status(seen.status, "request").word, status(request.status, "request").word),
        ("Step", _step_of(request, seen.stage), _step_of(request, request.stage)),
        ("Decided by", before["Decided by"] or None, now["Decided by"] or None),
    ]
    rows += [
        (label, before[label] or None, now[label])
        for label in ("Evidence", "Seats moved", "Questions")
        if now[label]
    ]
    return [{"label": label, "left": left, "right": right} for label, left, right in rows]


# Each of these raises the version by one.
_RAISING = (
    "decide",
    "attach",
    "withdraw",
    "supersede",
    "expire",
    "revoke",
    "reassign",
    "consult",
    "answer",
    "carry",
)


def _done_until(request: Request, version: int) -> dict[str, str]:
    """Who had decided, what was there and which seats were moved, when it had this version."""
    done = [event for event in reversed(record_of(request)) if _verb(event) in _RAISING]
    seen = done[: version - 1]
    decided = {event.details["decision"] for event in seen if _verb(event) == "decide"}
    attached = {pk for event in seen for pk in _attachments(event)}
    names = [str(one.approver) for one in request.decisions.all() if one.pk in decided]
    evidence = [one.filename for one in request.attachments.all() if one.pk in attached]
    moved_ids = {event.details["reassignment"] for event in seen if _verb(event) == "reassign"}
    moved = [
        f"{one.from_person} to {one.to_person}"
        for one in request.reassignments.all()
        if one.pk in moved_ids
    ]
    return {
        "Decided by": ", ".join(names),
        "Evidence": ", ".join(evidence),
        "Seats moved": ", ".join(moved),
        "Questions": _questions_among(seen, request),
    }


def _questions_among(seen: Sequence[Event], request: Request) -> str:
    """Who had been asked, and who had answered."""
    answered = {one.details["consultation"] for one in seen if _verb(one) == "answer"}
    asked = {one.details["consultation"] for one in seen if _verb(one) == "consult"}
    return ", ".join(
        f"{one.person} {'answered' if one.pk in answered else 'was asked'}"
        for one in request.consultations.all()
        if one.pk in asked
    )


def _verb(event: Event) -> str:
    return event.action.rpartition(".")[2]


def _attachments(event: Event) -> list[int]:
    """The attachments that came with it."""
    if _verb(event) == "attach":
        return [event.details["attachment"]]
    return list(event.details.get("attachments", []))


def _missing(request: Request) -> int:
    return approvals_missing(request, staff_of(request.entity))


def _step_of(request: Request, stage: int) -> str:
    stages = request.policy.stages
    return f"{stage + 1} of {len(stages)}: {stage_in_words(stages[stage])}"


def _state_of_step(request: Request, stage: int, made: list[Decision]) -> str:
    if stage < request.stage or request.status == RequestStatus.APPROVED:
        return "approved"
    if stage > request.stage:
        return "queued" if request.is_open else "skipped"
    ended = [decision for decision in made if decision.verdict != Verdict.APPROVE]
    if ended:
        return _STATE_AFTER[Verdict(ended[-1].verdict)]
    return str(request.status)


# What the other events say, and the state that they leave.
_TOLD = {
    "supersede": ("changed what it is about", "superseded"),
    "block": ("nobody can approve it as things stand", "blocked_no_approver"),
    "release": ("it can be approved again", "pending"),
    "measure": ("what belongs together with it is now another amount", "pending"),
    "exclude": ("people took part in it after it was asked for, and cannot decide", "pending"),
    "submit": ("asked for approval", "submitted"),
    "remind": ("reminded those who can decide", "pending"),
    "escalate": ("nobody decided in time: others may decide too", "late"),
    "time": ("gave it a time by which it is to be decided", "pending"),
    "overdue": ("nobody decided in time", "late"),
    "expire": ("it ended undecided", "expired"),
    "use": ("acted upon the approval", "approved"),
}


# What is taken back, with a reason.
_TAKEN_BACK = {
    "withdraw": ("withdrew it", "withdrawn"),
    "revoke": ("revoked the approval", "revoked"),
}


def _told(event: Event, request: Request) -> dict[str, Any]:
    """One entry of the timeline: what was done, its state, and the words that went with it."""
    verb = _verb(event)
    if verb == "decide":
        made = {decision.pk: decision for decision in request.decisions.all()}
        decision = made[event.details["decision"]]
        verdict = Verdict(decision.verdict)
        what = f"{_PAST[verdict]} as {decision.capacity}"
        brought = [one for one in request.attachments.all() if one.decision_id == decision.pk]
        if brought:
            what += f", with {kinds_in_words([EvidenceKind(one.kind) for one in brought])}"
        return {"what": what, "state": _STATE_AFTER[verdict], "note": decision.comment}
    if verb in _TAKEN_BACK:
        what, state = _TAKEN_BACK[verb]
        return {"what": what, "state": state, "note": event.details["reason"]}
    if verb == "reassign":
        moved = {one.pk: one for one in request.reassignments.all()}[event.details["reassignment"]]
        what = f"gave the seat of {moved.from_person} to {moved.to_person}"
        return {"what": what, "state": "pending", "note": moved.reason}
    if verb == "attach":
        return {"what": f"added {_kind_attached(event)} as evidence", "state": "submitted"}
    if verb in _TELLERS:
        return _TELLERS[verb](event, request)
    what, state = _TOLD[verb]
    return {"what": what, "state": state}


def _told_of_evidence(event: Event, request: Request) -> dict[str, Any]:
    """Which evidence came along from the request before."""
    ids = event.details["attachments"]
    names = ", ".join(one.filename for one in request.attachments.all() if one.pk in ids)
    if _verb(event) == "carry":
        what = f"carried over the evidence of the request before: {names}"
    else:
        what = "added evidence after somebody had approved, so all is decided anew"
        what += f", with what was there: {names}" if names else ""
    return {"what": what, "state": "submitted"}


def _told_of_question(event: Event, request: Request) -> dict[str, Any]:
    """Who was asked what, or what he answered."""
    asked = {one.pk: one for one in request.consultations.all()}[event.details["consultation"]]
    if _verb(event) == "consult":
        what, note = f"asked {asked.person} for an opinion", asked.question
    else:
        what, note = f"answered {asked.asked_by}", asked.opinion.text
    return {"what": what, "state": "pending", "note": note}


def _kind_attached(event: Event) -> str:
    return kinds_in_words([EvidenceKind(event.details["kind"])])


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _counted(number: int, noun: str) -> str:
    """ "1 more approval is", "2 more approvals are"."""
    if number == 1:
        return f"1 {noun} is"
    return f"{number} {noun if noun == 'more' else noun + 's'} are"


_TELLERS = {
    "consult": _told_of_question,
    "answer": _told_of_question,
    "carry": _told_of_evidence,
    "restart": _told_of_evidence,
}
