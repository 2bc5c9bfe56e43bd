"""What is planted in each month, as a table: the reconciliation, the cause, how, and on what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import disturbances as do
from .bench import Bench, Cause, Planted, Wanted, Window
from .facts import Kind, MatchType, Pair

LARGE_JOBS_CENTS = (20_000, 90_000)
SMALL_JOBS_CENTS = (3_000, 16_000)
"""Whole jobs go missing only among the small ones: the revenue variance stays under 1%."""

LATE_JOBS_CENTS = (3_000, 30_000)

GL, BANK, CARDS, JOBS = (
    MatchType.GL_ERP,
    MatchType.BANK_GL,
    MatchType.GATEWAY_GL,
    MatchType.JOBS_REVENUE,
)


@dataclass(frozen=True)
class Step:
    """Disturb a pair."""

    cause: Cause
    operation: Callable[[Bench, Pair], Planted]
    wanted: Wanted
    note: str

    @property
    def match_type(self) -> MatchType:
        return self.wanted.match_type

    def plant(self, bench: Bench) -> Planted:
        return self.operation(bench, bench.take(self.wanted))


@dataclass(frozen=True)
class Addition:
    """Add something that one side alone has."""

    match_type: MatchType
    cause: Cause
    operation: Callable[[Bench], Planted]
    note: str

    def plant(self, bench: Bench) -> Planted:
        return self.operation(bench)


def _step(  # noqa: PLR0917  (a row of the tables below)
    match_type: MatchType,
    cause: Cause,
    operation: Callable[[Bench, Pair], Planted],
    kind: Kind,
    note: str,
    window: Window = Window.BODY,
    cents: tuple[int, int] = (0, 10_000_000),
) -> Step:
    return Step(cause, operation, Wanted(match_type, (kind,), window, *cents), note)


_LARGE = (20_000, 10_000_000)

GL_ERP_PLAN: tuple[Step | Addition, ...] = (
    _step(GL, Cause.AMOUNT, do.change_item_amount, Kind.RECEIPT,
          "ERP allocated another amount than the ledger", cents=_LARGE),
    _step(GL, Cause.AMOUNT, do.change_item_amount, Kind.BILL,
          "bill keyed with another amount in the ERP", cents=_LARGE),
    _step(GL, Cause.TIMING, do.delay_item_far, Kind.BILL,
          "bill dated more than a week later in the ERP", Window.EARLY),
    _step(GL, Cause.TIMING, do.delay_item, Kind.INVOICE,
          "invoice reaches the ERP in the next month", Window.TAIL),
    _step(GL, Cause.TIMING, do.delay_entry, Kind.BILL,
          "bill reaches the ledger in the next month", Window.TAIL),
    _step(GL, Cause.DUPLICATE, do.repeat_entry, Kind.BILL, "bill posted twice in the ledger"),
    _step(GL, Cause.DUPLICATE, do.repeat_item, Kind.INVOICE, "invoice twice in the ERP"),
    Addition(GL, Cause.MISSING_LEFT, do.add_erp_bill, "ERP bill never posted to the ledger"),
    Addition(GL, Cause.MISSING_LEFT, do.add_erp_invoice, "ERP invoice never posted to the ledger"),
    _step(GL, Cause.MISSING_RIGHT, do.lose_item, Kind.INVOICE, "ledger invoice unknown to the ERP"),
    _step(GL, Cause.MISSING_RIGHT, do.lose_item, Kind.PAYMENT, "ledger payment unknown to the ERP"),
    _step(GL, Cause.SIGN, do.reverse_item, Kind.BILL, "bill entered in the ERP as a credit note"),
    _step(GL, Cause.SPLIT, do.split_item, Kind.PAYMENT, "one payment, two ERP documents"),
)  # fmt: skip

BANK_GL_PLAN: tuple[Step | Addition, ...] = (
    _step(BANK, Cause.AMOUNT, do.change_item_amount, Kind.RECEIPT,
          "customer transferred another amount than was booked", cents=_LARGE),
    _step(BANK, Cause.AMOUNT, do.change_item_amount, Kind.PAYMENT,
          "payment executed with another amount than was booked", cents=_LARGE),
    _step(BANK, Cause.TIMING, do.delay_item_far, Kind.PAYMENT,
          "payment held up at the bank for more than a week", Window.EARLY),
    _step(BANK, Cause.TIMING, do.delay_item, Kind.PAYMENT,
          "outstanding payment, executed in the next month", Window.TAIL),
    _step(BANK, Cause.TIMING, do.delay_item, Kind.RECEIPT,
          "deposit in transit, credited in the next month", Window.TAIL),
    _step(BANK, Cause.TIMING, do.delay_entry, Kind.RECEIPT,
          "receipt booked in the next month", Window.TAIL),
    _step(BANK, Cause.DUPLICATE, do.repeat_item, Kind.PAYMENT, "payment executed twice"),
    _step(BANK, Cause.DUPLICATE, do.repeat_entry, Kind.FUEL, "direct debit booked twice"),
    _step(BANK, Cause.MISSING_LEFT, do.lose_item, Kind.PAYMENT, "booked payment never executed"),
    Addition(BANK, Cause.MISSING_RIGHT, do.add_bank_charge, "bank charge not booked"),
    Addition(BANK, Cause.MISSING_RIGHT, do.add_bank_interest, "interest not booked"),
    _step(BANK, Cause.SIGN, do.reverse_item, Kind.FUEL, "refund booked as a charge"),
    _step(BANK, Cause.SPLIT, do.split_item, Kind.RECEIPT, "paid in two transfers", cents=_LARGE),
    _step(BANK, Cause.FEE, do.keep_bank_fee, Kind.RECEIPT,
          "correspondent bank kept 7.50", cents=_LARGE),
    _step(BANK, Cause.FEE, do.keep_bank_fee, Kind.RECEIPT,
          "correspondent bank kept 7.50", cents=_LARGE),
)  # fmt: skip

GATEWAY_GL_PLAN: tuple[Step | Addition, ...] = (
    _step(CARDS, Cause.AMOUNT, do.change_card_amount, Kind.CARD, "sale booked at another price"),
    _step(CARDS, Cause.TIMING, do.delay_entry, Kind.CARD,
          "sale booked in the next month", Window.TAIL),
    _step(CARDS, Cause.DUPLICATE, do.repeat_entry, Kind.CARD, "sale booked twice"),
    Addition(CARDS, Cause.MISSING_LEFT, do.add_card_entry, "sale booked, payment never captured"),
    _step(CARDS, Cause.MISSING_RIGHT, do.lose_entry, Kind.CARD, "captured sale not booked"),
    _step(CARDS, Cause.SIGN, do.reverse_entry, Kind.CARD, "sale booked as a refund"),
    _step(CARDS, Cause.SPLIT, do.split_entry, Kind.CARD, "sale booked in two parts"),
    _step(CARDS, Cause.FEE, do.forget_card_fee, Kind.CARD, "sale cleared gross, fee not booked"),
    _step(CARDS, Cause.FEE, do.forget_card_fee, Kind.CARD, "sale cleared gross, fee not booked"),
)  # fmt: skip

JOBS_REVENUE_PLAN: tuple[Step | Addition, ...] = (
    *(
        _step(JOBS, Cause.RATE_CHANGE, do.change_rate, Kind.INVOICE,
              "client counts the same hours at a lower rate", cents=LARGE_JOBS_CENTS)
        for _ in range(3)
    ),
    _step(JOBS, Cause.AMOUNT, do.change_item_amount, Kind.INVOICE,
          "client has another amount for the same hours and rate", cents=SMALL_JOBS_CENTS),
    _step(JOBS, Cause.TIMING, do.delay_item_far, Kind.INVOICE,
          "job logged more than a week after its invoice", Window.EARLY, SMALL_JOBS_CENTS),
    _step(JOBS, Cause.TIMING, do.delay_item, Kind.INVOICE,
          "invoiced job logged in the next month", Window.TAIL, LATE_JOBS_CENTS),
    _step(JOBS, Cause.TIMING, do.delay_entry, Kind.INVOICE,
          "job invoiced in the next month", Window.TAIL, LATE_JOBS_CENTS),
    _step(JOBS, Cause.DUPLICATE, do.repeat_item, Kind.INVOICE,
          "job exported twice", cents=SMALL_JOBS_CENTS),
    _step(JOBS, Cause.MISSING_LEFT, do.lose_item, Kind.INVOICE,
          "invoice without a job", cents=SMALL_JOBS_CENTS),
    Addition(JOBS, Cause.MISSING_RIGHT, do.add_job, "job never invoiced"),
    _step(JOBS, Cause.SIGN, do.reverse_item, Kind.INVOICE,
          "client credited the job", cents=(3_000, 9_000)),
    _step(JOBS, Cause.SPLIT, do.split_item, Kind.INVOICE,
          "one invoice, two visits", cents=LARGE_JOBS_CENTS),
)  # fmt: skip

PLAN = GL_ERP_PLAN + BANK_GL_PLAN + GATEWAY_GL_PLAN + JOBS_REVENUE_PLAN
