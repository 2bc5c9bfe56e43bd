"""What the beat asks for, and how often; what has expired is not carried out any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from celery.schedules import crontab

SCHEDULE: Final[dict[str, Any]] = {
    "operations: relay the outbox": {
        "task": "apps.operations.tasks.relay_outbox",
        "schedule": timedelta(seconds=2),
        "options": {"expires": 10},
    },
    "operations: drop what is long delivered": {
        "task": "apps.operations.tasks.drop_delivered",
        "schedule": crontab(hour="3", minute="17"),
    },
    "close: resume interrupted tasks": {
        "task": "apps.close.tasks.resume_interrupted",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 10},
    },
    "approvals: see whether somebody can decide": {
        "task": "apps.approvals.tasks.recheck_all",
        "schedule": timedelta(minutes=10),
        "options": {"expires": 600},
    },
    "approvals: remind, escalate, expire": {
        "task": "apps.approvals.tasks.tend_requests",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    "ledger: close what was reopened and is over": {
        "task": "apps.ledger.tasks.end_expired_reopenings",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    "reconciliation: resume interrupted runs": {
        "task": "apps.reconciliation.tasks.resume_runs",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 10},
    },
    "reconciliation: hand out again runs that still wait": {
        "task": "apps.reconciliation.tasks.resume_queued",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 300},
    },
    "ingestion: look for pulls that are due": {
        "task": "apps.ingestion.tasks.look_for_pulls",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    "outbound: queue deliveries that are due": {
        "task": "apps.outbound.tasks.queue_due_deliveries",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    "outbound: queue messages that are due": {
        "task": "apps.outbound.tasks.queue_due_messages",
        "schedule": timedelta(seconds=20),
        "options": {"expires": 20},
    },
}
