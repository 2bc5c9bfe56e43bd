"""Lists of requests: what waits for me, what I asked for, and everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from apps.approvals.forms.listing import (
    InboxFilterForm,
    RequestFilterForm,
    as_choices,
    kinds_of,
)
from apps.approvals.models import Request
from apps.approvals.permissions import SIGN_WAIVERS, VIEW_CONTROLS, VIEW_REQUESTS
from apps.approvals.selectors import (
    backlog,
    outbox,
    questions_for,
    read_waiting,
    requests_seen_by,
    unread_notices,
    waiting_for,
)
from apps.approvals.states import RequestStatus
from apps.approvals.views.words import step_in_words
from apps.common.access import authorize
from apps.common.navigation import note_count
from apps.identity.context import actor_of, entities_seen, entity_in_view
from apps.identity.models import User

PAGE_SIZE = 25


@dataclass(frozen=True)
class Row:
    """A request as one line of a list: all that the line shows, so that equal ones are drawn once.

    Attributes:
        at: by when it is to be decided, or when it ended.
        can_choose: it can be chosen for a decision on several.
    """

    tab: str
    pk: int
    version: int
    title: str
    kind: str
    entity: str
    amount: Decimal | None
    currency: str
    maker: str
    step: str
    is_open: bool
    at: datetime | None
    state: str
    can_choose: bool

    @classmethod
    def of(cls, request: Request, tab: str, now: datetime) -> Row:
        return cls(
            tab=tab,
            pk=request.pk,
            version=request.version,
            title=request.title,
            kind=request.kind,
            entity=request.entity.name,
            amount=request.amount,
            currency=request.currency,
            maker=str(request.maker),
            step=step_in_words(request) if request.is_open else "",
            is_open=request.is_open,
            at=request.due_at if request.is_open else request.ended_at,
            state=state_shown(request, now),
            can_choose=tab == "inbox" and request.policy.bulk_allowed,
        )

    @property
    def drawn(self) -> SafeString:
        """The line as people of this zone and language see it."""
        return _drawn(self, timezone.get_current_timezone(), get_language())


# People look at their list after each decision, and nearly all of its lines are as they were:
# drawing them takes longer than finding them.
@lru_cache(maxsize=4_000)
def _drawn(row: Row, _zone: tzinfo, _language: str | None) -> SafeString:
    return render_to_string("approvals/_request_row.html", {"row": row})


def state_shown(request: Request, now: datetime) -> str:
    """The status, or "late" while it waits past its time."""
    is_late = request.status == RequestStatus.PENDING and request.due_at < now
    return "late" if is_late else str(request.status)


@require_safe
@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    """What this person can decide now, most urgent first."""
    actor = _viewer(request)
    seen, entity = entities_seen(request), entity_in_view(request)
    waiting = waiting_for(actor, seen)
    last = _page_number(request) * PAGE_SIZE + 1
    everywhere = backlog(waiting, timezone.now(), last)
    note_count(request, "approvals:inbox", sum(one.total for one in everywhere))
    found = [one for one in everywhere if entity is None or one.entity_id == entity.pk]
    first = [pk for _, pk in sorted(chain.from_iterable(one.first for one in found))]
    kinds = dict.fromkeys(one.item_type for one in found)
    form = InboxFilterForm(request.GET, kinds=as_choices(kinds))
    context = {
        "page_title": "Approvals",
        "tab": "inbox",
        "total": sum(one.total for one in found),
        "late": sum(one.late for one in found),
        "questions": list(questions_for(actor)),
    }

    def read_part(part: slice) -> list[Request]:
        if not any(form.data.get(name) for name in form.fields):
            return read_waiting(first[part], seen)
        return list(form.narrow(_of_entity_in_view(request, waiting))[part])

    return _listed(request, "approvals/inbox.html", read_part, form, context)


@require_safe
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """What this person asked for, newest first; withdrawing is offered while it waits."""
    actor = _viewer(request)
    own = _of_entity_in_view(request, requests_seen_by(actor).filter(maker=actor))
    form = RequestFilterForm(request.GET, kinds=kinds_of(own))
    open_ones = _of_entity_in_view(request, outbox(actor)).count()
    context = {"page_title": "My requests", "tab": "mine", "total": open_ones}
    found = form.narrow(own).order_by("-id")
    return _listed(request, "approvals/mine.html", lambda part: list(found[part]), form, context)


@require_safe
@login_required
def everything(request: HttpRequest) -> HttpResponse:
    """Every request that this person may see, newest first."""
    actor = _viewer(request)
    seen = _of_entity_in_view(request, requests_seen_by(actor))
    form = RequestFilterForm(request.GET, kinds=kinds_of(seen))
    open_ones = seen.open().count()
    context = {"page_title": "All requests", "tab": "everything", "total": open_ones}
    found = form.narrow(seen).order_by("-id")
    return _listed(
        request, "approvals/everything.html", lambda part: list(found[part]), form, context
    )


def _viewer(request: HttpRequest) -> User:
    actor: User = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    return actor


def _of_entity_in_view(request: HttpRequest, requests: Any) -> Any:
    entity = entity_in_view(request)
    return requests if entity is None else requests.filter(entity=entity)


def _listed(
    request: HttpRequest,
    template: str,
    read_part: Callable[[slice], list[Request]],
    form: Any,
    context: dict[str, Any],
) -> HttpResponse:
    """One page of the list; a row more is read to know whether there is a next."""
    context["unread"] = unread_notices(actor_of(request))
    context["controls_url"] = _controls_url(actor_of(request))
    number = _page_number(request)
    start = (number - 1) * PAGE_SIZE
    read = read_part(slice(start, start + PAGE_SIZE + 1))
    now = timezone.now()
    context |= {
        "rows": [Row.of(one, context["tab"], now) for one in read[:PAGE_SIZE]],
        "filters": form,
        "clear_url": request.path if any(form.data.values()) else None,
        "previous_url": _page_url(request, number - 1) if number > 1 else None,
        "next_url": _page_url(request, number + 1) if len(read) > PAGE_SIZE else None,
    }
    context["can_bulk"] = any(one.policy.bulk_allowed for one in read)
    return render(request, template, context)


def _controls_url(actor: User) -> str:
    """The first page of control that this person may open; empty if he may open none."""
    if actor.may(VIEW_CONTROLS):
        return reverse("approvals:could-such")
    return reverse("approvals:waivers") if actor.may(SIGN_WAIVERS) else ""


def _page_number(request: HttpRequest) -> int:
    asked = request.GET.get("page", "1")
    return int(asked) if asked.isdecimal() and 1 <= int(asked) <= 10_000 else 1


def _page_url(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return f"{request.path}?{query.urlencode()}"
