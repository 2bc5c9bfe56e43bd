"""Made-up content of the gallery: a close, its breaks, and a decision to take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.test import RequestFactory


@dataclass(frozen=True)
class Person:
    """Who is signed in, as far as templates ask."""

    name: str
    is_authenticated: bool = True
    is_staff: bool = True

    def get_full_name(self) -> str:
        return self.name


class BreakFilter(forms.Form):
    q = forms.CharField(label="Search", required=False, widget=forms.SearchInput)
    cause = forms.ChoiceField(required=False, choices=[("", "All"), ("timing", "Timing")])
    age = forms.ChoiceField(required=False, choices=[("", "Any"), ("30", "Over 30 days")])


class WriteOff(forms.Form):
    # Text, not a number field: those blank what they cannot read and change under the mouse wheel.
    amount = forms.DecimalField(
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text="At most 50.00 EUR without approval.",
    )
    account = forms.ChoiceField(choices=[("", "Choose"), ("6800", "6800 Bank charges")])
    cause = forms.ChoiceField(
        widget=forms.RadioSelect, choices=[("fee", "Bank fee"), ("rounding", "Rounding")]
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    is_recurring = forms.BooleanField(label="This fee comes every month", required=False)


class Reason(forms.Form):
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept on the record, seen by Alice."
    )


class SignIn(forms.Form):
    login = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in May 2023."""
    return datetime(2023, 5, day, hour, minute, tzinfo=UTC)


def frame() -> dict[str, Any]:
    """What the frame of every page needs."""
    labels = ("Close", "Breaks", "Approvals", "Journal", "Anomalies", "Evidence", "Sources")
    return {
        "request": RequestFactory().get("/gallery/"),
        "csrf_token": "a-token-of-the-gallery",
        "user": Person("Bob Okafor"),
        "current_entity": "Northwind Ltd",
        "entities": [
            {"label": "Northwind Ltd", "url": "?entity=1", "is_current": True},
            {"label": "Northwind GmbH", "url": "?entity=2", "is_current": False},
        ],
        "nav_items": [
            {
                "label": label,
                "url": f"/{label.lower()}",
                "is_current": label == "Close",
                "count": 3 if label == "Approvals" else None,
            }
            for label in labels
        ],
    }


def tasks() -> list[dict[str, Any]]:
    """Seventeen tasks in every state that a close meets."""
    late = "2 days late; waits for 14 breaks"
    rows = [
        ("collect", "Data collection", "completed", "System", 30, 214, ""),
        ("validate", "Data validation", "completed", "System", 45, 97, ""),
        ("fx", "Exchange rates", "completed", "System", 10, 4, ""),
        ("payroll", "Payroll accruals", "completed", "Alice Meyer", 60, 3_480, ""),
        ("ap", "Payables cut-off", "completed", "Alice Meyer", 90, 5_130, ""),
        ("ar", "Receivables cut-off", "completed", "Rita Lund", 90, 4_020, ""),
        ("inventory", "Inventory count", "completed", "Rita Lund", 120, 7_300, ""),
        ("erp", "General ledger to ERP", "completed", "System", 20, 9, ""),
        ("bank", "Bank reconciliation", "late", "Alice Meyer", 60, None, late),
        ("gateway", "Payment gateway", "completed_with_warning", "System", 20, 6, "1 fee unknown"),
        ("intercompany", "Intercompany", "completed", "Rita Lund", 60, 2_890, ""),
        ("depreciation", "Depreciation", "completed", "System", 15, 3, ""),
        ("anomalies", "Anomaly review", "skipped", "Bob Okafor", 45, None, "Waived by Connie Roy"),
        ("accruals", "Accruals", "completed", "Alice Meyer", 60, 3_300, ""),
        ("variance", "Variance analysis", "late", "Rita Lund", 90, None, "1 day late"),
        ("approve", "Approval of the trial balance", "blocked", "Connie Roy", 30, None, "Bank"),
        ("lock", "Lock the period", "pending", "Controller", 5, None, ""),
    ]
    return [
        {
            "key": key,
            "label": label,
            "state": state,
            "url": f"#task-{key}",
            "who": who,
            "due_at": at(2 + number // 6, 18),
            "estimate_minutes": estimate,
            "took": None if seconds is None else timedelta(seconds=seconds),
            "note": note,
        }
        for number, (key, label, state, who, estimate, seconds, note) in enumerate(rows)
    ]


def breaks() -> list[dict[str, Any]]:
    """A few breaks, one of each kind of figure."""
    rows = [
        ("Amount differs", "Payment 4711 ABC GmbH", "Fee", "1204.5000", "1207.0000", "mismatched"),
        ("Missing in ledger", "Standing order rent", "Missing", "-18250.0000", None, "open"),
        ("Swapped sign", "Refund Contoso", "Sign", "-340.1000", "340.1000", "in_review"),
        ("Late booking", "Card settlement 30 April", "Timing", "0.0000", "88.2000", "awaited"),
    ]
    return [
        {
            "number": number,
            "name": name,
            "narrative": narrative,
            "url": f"?break={number}",
            "cause": cause,
            "booked_on": date(2023, 4, 27 + number),
            "left": Decimal(left),
            "right": None if right is None else Decimal(right),
            "difference": Decimal(left) - Decimal(right or 0),
            "currency": "EUR",
            "state": state,
        }
        for number, (name, narrative, cause, left, right, state) in enumerate(rows)
    ]


def comparison() -> list[dict[str, Any]]:
    """Two records that nearly match."""
    return [
        {"label": "Reference", "left": "INV-2023-00417", "right": "INV-2023-00471"},
        {"label": "Counterparty", "left": "ABC GmbH", "right": "ABC GmbH & Co. KG"},
        {
            "label": "Amount",
            "left": "1,204.50",
            "right": "1,207.00",
            "verdict": "differs by 2.50 (tolerance 0.05)",
        },
        {"label": "Booked", "left": "27 Apr 2023", "right": "27 Apr 2023"},
        {"label": "Bank reference", "left": "TRX 99817", "right": None},
    ]


def events() -> list[dict[str, Any]]:
    """A history, newest first."""
    note = "The fee is in the contract, page 3. Please add the lines of 28 April."
    return [
        {"at": at(4, 9, 12), "who": "Alice Meyer", "what": "submitted it", "state": "submitted"},
        {
            "at": at(3, 16, 20),
            "who": "Bob Okafor",
            "what": "returned it",
            "state": "returned",
            "note": note,
        },
        {"at": at(3, 8, 2), "who": "System", "what": "matched 1,204 lines", "state": "completed"},
    ]


def index_context() -> dict[str, Any]:
    """Every component once."""
    found = breaks()
    shares = ["30.1", "17.6", "12.5", "9.7", "7.9", "6.7", "5.8", "5.1", "4.6"]
    seen = ["29.4", "18.2", "12.1", "10.4", "11.9", "6.1", "5.2", "4.0", "2.7"]
    return {
        "page_title": "Components",
        "answer": "Everything that pages are put together from, on one page.",
        "breadcrumbs": [{"label": "Start", "url": "/"}, {"label": "Documentation", "url": "/docs"}],
        "tiles": [
            {
                "label": "Match rate",
                "figure": "99.62",
                "unit": "%",
                "note": "3,812 of 3,826",
                "url": "?a",
                "tone": "ok",
            },
            {
                "label": "Variance",
                "figure": "0.31",
                "unit": "%",
                "note": "limit 1%",
                "url": "?b",
                "tone": "ok",
            },
            {
                "label": "Open breaks",
                "figure": "38",
                "note": "5 over 30 days",
                "url": "?c",
                "tone": "warn",
            },
            {
                "label": "Approvals waiting",
                "figure": "3",
                "note": "oldest 26 h",
                "url": "?d",
                "tone": "info",
            },
            {
                "label": "Unexplained",
                "figure": "−1,204.50",
                "unit": "EUR",
                "note": "of 2.1 m",
                "url": "?e",
                "tone": "bad",
            },
        ],
        "states": [
            "pending",
            "ready",
            "in_progress",
            "submitted",
            "returned",
            "completed",
            "completed_with_warning",
            "failed",
            "blocked",
            "skipped",
            "stale",
            "cancelled",
            "late",
            "at_risk",
            "approved",
            "rejected",
            "posted",
            "signed",
            "hard_closed",
            "something_new",
        ],
        "notices": [
            ("ok", "April 2023 was locked: 1,204 entries."),
            ("info", "The run goes on while you work."),
            ("warn", "Two lines were added since you last saw it."),
            ("bad", "You prepared this entry; Connie Roy or Bob Okafor could approve it."),
        ],
        "filters": BreakFilter(auto_id="filter_%s"),
        "breaks": found,
        "total": sum((item["difference"] for item in found), Decimal(0)),
        "comparison": comparison(),
        "ageing_maximum": Decimal("18250"),
        "ageing": [
            {"label": label, "value": Decimal(value), "figure": figure, "tone": tone, "url": "?age"}
            for label, value, figure, tone in [
                ("0 to 7 days", "18250", "18,250.00", ""),
                ("8 to 30 days", "2312.40", "2,312.40", "warn"),
                ("over 30 days", "680.20", "680.20", "bad"),
            ]
        ],
        "benford_maximum": Decimal("32"),
        "benford": [
            {
                "label": str(digit),
                "value": Decimal(share),
                "figure": share,
                "expected": Decimal(law),
                "tone": "warn" if digit == 5 else "",
            }
            for digit, (share, law) in enumerate(zip(seen, shares, strict=True), start=1)
        ],
        "bound_form": WriteOff({"amount": "1.234,5", "account": "6800", "cause": ""}),
        "reason_form": Reason(prefix="lock"),
        "facts": [
            ("Entity", "Northwind Ltd"),
            ("Period", "April 2023"),
            ("Match type", "Bank to general ledger"),
            ("Pass", "2: amount within 0.05, 3 business days"),
        ],
        "events": events(),
        "consequences": [
            "1,204 entries become permanent.",
            "No posting into April 2023 after this.",
            "Reopening needs two approvers and a reason.",
        ],
    }


def close_board_context() -> dict[str, Any]:
    """Seventeen tasks, two of them late."""
    return {
        "page_title": "Close of April 2023",
        "breadcrumbs": [{"label": "Closes", "url": "?closes"}],
        "tasks": tasks(),
        "expected_at": at(8, 18),
    }


def decision_context() -> dict[str, Any]:
    """A request for approval that has changed since it was last seen."""
    text = "Write-off of unmatched fees"
    return {
        "page_title": "Write-off WO-2023-0042",
        "breadcrumbs": [{"label": "Approvals", "url": "?inbox"}],
        "changes": [
            {"label": "Total", "left": "11,250.00 EUR", "right": "12,450.00 EUR"},
            {"label": "Lines", "left": "3", "right": "5"},
        ],
        "lines": [
            {
                "account": "6800",
                "name": "Bank charges",
                "text": text,
                "debit": Decimal("11250"),
                "credit": None,
            },
            {
                "account": "6810",
                "name": "Exchange loss",
                "text": text,
                "debit": Decimal("1200"),
                "credit": None,
            },
            {
                "account": "1000",
                "name": "Bank",
                "text": text,
                "debit": None,
                "credit": Decimal("12450"),
            },
        ],
        "total": Decimal("12450"),
        "events": events(),
        "facts": [
            ("Requested by", "Alice Meyer"),
            ("Stage", "2 of 2, any one approver"),
            ("Due", "5 May 2023 12:00"),
            ("Policy", "Write-offs, version 4"),
        ],
        "evidence": [
            {"name": "statement-april.xml", "note": "camt.053, 48 kB"},
            {"name": "contract-fees.pdf", "note": "PDF, 1.2 MB"},
        ],
        "consequences": [
            "5 lines are posted to 3 accounts of April 2023.",
            "Until they are posted you can revoke this, with a reason.",
        ],
        "reason_form": Reason(prefix="reject"),
        "version": [("version", "4")],
    }


CONTEXTS: dict[str, Callable[[], dict[str, Any]]] = {
    "index": index_context,
    "close_board": close_board_context,
    "decision": decision_context,
}
