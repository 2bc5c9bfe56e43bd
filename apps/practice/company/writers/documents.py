"""The JSON files."""

from __future__ import annotations

import json
from typing import Any

from ..chart import CHART
from ..company import Company
from ..entity import CODE, CURRENCY
from ..facts import Book, Job, MatchType
from ..money import plain
from ..people import PEOPLE
from ..workdays import OPENING_ON, Month
from .amounts import hours, rate


def document(content: dict[str, Any]) -> bytes:
    """JSON as committed: two spaces, keys in the order given, a line end at the end."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def client_jobs(book: Book, month: Month) -> dict[str, Any]:
    """client_jobs.json: amounts, quantities (hours) and rates are strings."""
    items = book.items_in(month, MatchType.JOBS_REVENUE)
    return {
        "month": month.label,
        "jobs": [_job(item) for item in items if isinstance(item, Job)],
    }


def _job(job: Job) -> dict[str, str]:
    return {
        "job_id": job.external_id,
        "client": job.counterparty,
        "site": job.site,
        "service_type": job.service_type,
        "performed_on": job.booked_on.isoformat(),
        "quantity": hours(job.quantity_hundredths),
        "rate": rate(job.rate_cents),
        "amount": plain(job.cents),
        "currency": CURRENCY,
        "invoice_reference": job.reference,
    }


def chart_of_accounts() -> dict[str, Any]:
    """chart_of_accounts.json."""
    return {
        "entity": CODE,
        "accounts": [
            {
                "code": account.code,
                "name": account.name,
                "type": account.type,
                "normal_balance": account.normal_balance,
                "currency": CURRENCY,
            }
            for account in CHART
        ],
    }


def opening_balances(company: Company) -> dict[str, Any]:
    """opening_balances.json: signed, debit positive; they sum to zero."""
    return {
        "entity": CODE,
        "as_of": OPENING_ON.isoformat(),
        "currency": CURRENCY,
        "balances": [
            {"account_code": code, "balance": plain(cents)}
            for code, cents in company.openings.items()
        ],
    }


def users() -> dict[str, Any]:
    """users.json: the demo people, without passwords."""
    return {
        "users": [
            {
                "username": person.username,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": person.email,
                "role": person.role,
            }
            for person in PEOPLE
        ]
    }
