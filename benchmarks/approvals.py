"""What a decision and an inbox page cost, in an empty table and in a full one.

    python -m benchmarks.approvals [--requests 100000] [--open 2000] [--decisions 300]

In the embedded PostgreSQL of a folder of its own, with 20 approvers of one company, limits, leave
and a delegation in force, two people who took part in each request, and unread notices. A decision
is a POST to REST by the code that answers a web server: permissions, locks, conflicts, limits,
decision, history, audit event, outbox. A page is the inbox as a browser asks for it. The clock runs
from the call to the answer, without a network.

How steady the machine was is told beside: after each call the same loop is run. Where its p95 is
far above its least, the other figures have that in them.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from apps.operations.embedded import ensure_environment

APPROVERS = 20
ITEM_TYPE = "journal_entry"
_BATCH = 5_000


def main() -> None:
    """Fill the tables, measure before and after, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=100_000)
    options.add_argument("--open", type=int, default=2_000, help="how many of them wait")
    options.add_argument("--decisions", type=int, default=300)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="finflow-benchmark-") as folder:
        environment = ensure_environment(data_dir=Path(folder) / "data")
        try:
            _measure(given.requests, given.open, given.decisions)
        finally:
            environment.release()


def _measure(requests: int, waiting: int, decisions: int) -> None:
    _set_up()
    from apps.approvals.models import Request

    cast = _Cast()
    cast.fill(decisions + 50, is_open=True)
    cast.tell()
    rows = [("", "requests", "median ms", "p95 ms", "most ms", "queries", "loop least", "loop p95")]
    _freeze()
    rows += _rows("few", Request.objects.count(), cast, decisions)
    cast.fill(requests - waiting, is_open=False)
    cast.fill(waiting, is_open=True)
    _settle()
    _freeze()
    rows += _rows("full", Request.objects.count(), cast, decisions)
    for row in rows:
        print(f"{row[0]:<18}" + "".join(f"{cell:>12}" for cell in row[1:]))
    decision, page = float(rows[3][3]) / float(rows[1][3]), float(rows[4][3]) / float(rows[2][3])
    print(f"full over few, p95: decision {decision:.2f}, inbox page {page:.2f}")


def _rows(name: str, count: int, cast: _Cast, times: int) -> list[tuple[str, ...]]:
    return [
        (f"decision, {name}", f"{count:,}", *_told(cast.decisions(times))),
        (f"inbox page, {name}", f"{count:,}", *_told(cast.pages(times))),
    ]


def _told(measured: Iterator[tuple[float, int]]) -> tuple[str, ...]:
    """Median, 95th percentile and most, in milliseconds, the queries, and the loop's figures."""
    seconds, queries, loops = [], [], []
    for took, count in measured:
        seconds.append(took)
        queries.append(count)
        loops.append(_loop())
    figures = statistics.median(seconds), _p95(seconds), max(seconds)
    told = [f"{figure * 1000:.1f}" for figure in (*figures, min(loops), _p95(loops))]
    return (*told[:3], f"{min(queries)}-{max(queries)}", *told[3:])


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def _loop() -> float:
    """Seconds of the same work each time: what of the spread is the machine's."""
    start = time.perf_counter()
    total = 0
    for number in range(100_000):
        total += number * number
    return time.perf_counter() - start


def _set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _freeze() -> None:
    """Leave what is loaded to no search for garbage, as `config.wsgi` does."""
    gc.collect()
    gc.freeze()


def _settle() -> None:
    """What the server does by itself after so many new rows, done before anything is measured."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


class _Cast:
    """A company with its people, its policy, and requests to decide on."""

    def __init__(self) -> None:
        from apps.approvals.services import define_limit, define_policy, delegate, plan_leave
        from apps.common.roles import APPROVER, CONTROLLER, PREPARER
        from apps.identity.selectors import system_user
        from apps.identity.services import register_entity

        self.system = system_user()
        self.entity = register_entity(
            code="BENCH",
            name="Benchmark",
            country="NL",
            functional_currency="EUR",
            time_zone="UTC",
            actor=self.system,
        )
        self.maker, self.editor = self._person("maker", PREPARER), self._person("editor", PREPARER)
        self.controller = self._person("controller", CONTROLLER)
        self.approvers = [self._person(f"approver{n}", APPROVER) for n in range(APPROVERS)]
        about = {"entity_id": self.entity.pk, "actor": self.controller}
        self.policy = define_policy(
            item_type=ITEM_TYPE, stages=[{"role": "approver", "count": 1}], **about
        )
        define_limit(
            role="approver",
            item_type=ITEM_TYPE,
            amount=Decimal(50_000),
            currency="EUR",
            starts_on=date(2020, 1, 1),
            **about,
        )
        today = date.today()  # noqa: DTZ011  (the company's clock is UTC, as is the benchmark's)
        away, stands_in = self.approvers[-2:]
        plan_leave(person_id=away.pk, starts_on=today, ends_on=today, actor=away)
        delegate(
            entity_id=self.entity.pk,
            delegate_id=stands_in.pk,
            starts_on=today,
            ends_on=today,
            reason="Leave",
            actor=away,
        )
        self.deciders = self.approvers[:-2]
        self.number = 0

    def fill(self, count: int, *, is_open: bool) -> None:
        """Store so many requests, all waiting or all approved by somebody."""
        end = self.number + count
        for start in range(self.number, end, _BATCH):
            self._store(range(start, min(start + _BATCH, end)), is_open=is_open)
        self.number = end

    def decisions(self, times: int) -> Iterator[tuple[float, int]]:
        """Decide on requests that wait, one after the other, each by another approver."""
        from rest_framework.test import APIClient

        from apps.approvals.models import Request

        clients = []
        for person in self.deciders:
            client = APIClient(SERVER_NAME="localhost")
            client.force_authenticate(person)
            client.get("/api/approvals/requests/0")  # the code that answers is loaded
            clients.append(client)
        waiting = list(Request.objects.open().values_list("pk", flat=True)[:times])
        for number, request_id in enumerate(waiting):
            client = clients[number % len(clients)]
            body = {"verdict": "approve", "comment": "", "attested": False, "expected_version": 1}
            path = f"/api/approvals/requests/{request_id}/decide"
            yield _timed(lambda: client.post(path, body, format="json"))  # noqa: B023

    def pages(self, times: int) -> Iterator[tuple[float, int]]:
        """Open the inbox, each time as another approver."""
        from django.test import Client

        clients = []
        for person in self.deciders:
            client = Client(SERVER_NAME="localhost")
            client.force_login(person)
            client.get("/approvals/away/")
            clients.append(client)
        for number in range(times):
            yield _timed(lambda: clients[number % len(clients)].get("/approvals/"))  # noqa: B023

    def _person(self, name: str, role: str) -> Any:
        from apps.identity.models import User
        from apps.identity.services import create_user, grant_role

        user = create_user(
            username=name,
            email=f"{name}@example.com",
            password=f"{name}-likes-long-passwords",
            first_name=name,
            actor=self.system,
        )
        grant_role(user_id=user.pk, role=role, entity_id=self.entity.pk, actor=self.system)
        return User.objects.get(pk=user.pk)

    def _store(self, numbers: range, *, is_open: bool) -> None:
        from django.db import transaction
        from django.utils import timezone

        from apps.approvals.models import Request

        now = timezone.now()
        with transaction.atomic():
            requests = Request.objects.bulk_create(
                Request(
                    entity=self.entity,
                    item_type=ITEM_TYPE,
                    subject_type="ledger.journalentry",
                    subject_id=str(number),
                    subject_hash=f"{number:064x}",
                    title=f"Entry {number}",
                    url="/",
                    amount=Decimal(100 + number % 40_000),
                    currency="EUR",
                    maker=self.maker,
                    policy=self.policy,
                    status="pending" if is_open else "approved",
                    due_at=now + timedelta(hours=number % 90),
                    ended_at=None if is_open else now,
                )
                for number in numbers
            )
            self._store_traces(requests, now)
            if not is_open:
                self._store_decisions(requests)

    def _store_traces(self, requests: list[Any], now: datetime) -> None:
        """The clock of the first step, who took part, and the audit event of each."""
        from apps.approvals.models import Conflict, StageClock
        from apps.audit.models import Event

        Conflict.objects.bulk_create(
            Conflict(request=request, user=person)
            for request in requests
            for person in (self.maker, self.editor)
        )
        StageClock.objects.bulk_create(
            StageClock(
                request=request,
                stage=0,
                round=0,
                started_at=now,
                half_at=now,
                late_at=now,
                due_at=request.due_at,
            )
            for request in requests
        )
        Event.objects.bulk_create(
            Event(
                occurred_at=now,
                actor=self.system,
                action="approvals.request.submit",
                subject_type="approvals.request",
                subject_id=str(request.pk),
                entity=self.entity,
                canonical=b"{}",
            )
            for request in requests
        )

    def tell(self, unread: int = 3) -> None:
        """Let everybody have been told of so many requests, and not have read it."""
        from apps.approvals.models import Notice, Request
        from apps.approvals.states import NoticeKind

        waiting = Request.objects.open()[:unread]
        Notice.objects.bulk_create(
            Notice(request=request, person=person, kind=NoticeKind.REMINDER, occasion="benchmark")
            for request in waiting
            for person in self.deciders
        )

    def _store_decisions(self, requests: list[Any]) -> None:
        from apps.approvals.models import Decision

        Decision.objects.bulk_create(
            Decision(
                request=request,
                approver=self.deciders[request.pk % len(self.deciders)],
                verdict="approve",
                stage=0,
                role_at_time="approver",
                subject_hash=request.subject_hash,
            )
            for request in requests
        )


def _timed(call: Callable[[], Any]) -> tuple[float, int]:
    """Seconds of the call, and its queries; refuses an answer that is no success."""
    from django.db import connection

    queries = 0

    def counted(execute: Any, *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    with connection.execute_wrapper(counted):
        start = time.perf_counter()
        answer = call()
        seconds = time.perf_counter() - start
    if answer.status_code != 200:
        raise SystemExit(f"answered {answer.status_code}: {answer.content[:500]!r}")
    return seconds, queries


if __name__ == "__main__":
    main()
