"""Evidence section on how the system was set up at the time."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from apps.approvals.models import Limit, Policy, Waiver
from apps.approvals.selectors import kinds_asked, kinds_in_words, stage_in_words
from apps.identity.models import Entity, EntityUserObjectPermission
from apps.ledger.models import Period
from apps.reconciliation.models import Run
from apps.reporting.documents import Money, Setting
from apps.reporting.documents.figures import write_date, write_money


def settings_in_force(entity: Entity, period: Period, runs: Sequence[Run]) -> tuple[Setting, ...]:
    """Build, calendar, who approves what up to how much, roles, rules, period and duties."""
    return (
        _build_and_calendar(entity, period),
        _approval_matrix(entity),
        _approval_limits(entity),
        _waivers(entity, period),
        _role_members(entity),
        Setting(
            title="Matching rules",
            columns=("Match type", "Version", "SHA-256 of the rules"),
            rows=tuple(
                (run.match_type.name, str(run.rule_set.number), run.rule_set.digest) for run in runs
            ),
        ),
        Setting(
            title="Period",
            columns=("Period", "From", "To", "State"),
            rows=(
                (
                    period.name,
                    write_date(period.starts_on),
                    write_date(period.ends_on),
                    period.get_status_display(),
                ),
            ),
        ),
        _DUTIES,
    )


@cache
def build() -> str:
    """Name and version of the software, "FinFlow 0.1.0"."""
    project = tomllib.loads((Path(settings.BASE_DIR) / "pyproject.toml").read_text("utf-8"))
    return f"FinFlow {project['project']['version']}"


_DUTIES = Setting(
    title="Segregation of duties",
    columns=("Rule", "How it is kept"),
    rows=(
        (
            "Nobody decides on his own work",
            "Maker, editors, requester and whoever added evidence are refused at the decision;"
            " superusers too. Only a waiver of two others lets somebody who is not the maker.",
        ),
        (
            "Explaining and accepting a break are two people",
            "Refused by the service and by a constraint of the database.",
        ),
        (
            "Nobody reviews an unusual entry of his own",
            "Whoever wrote or edited the entry is refused; superusers too.",
        ),
    ),
)


def _build_and_calendar(entity: Entity, period: Period) -> Setting:
    calendar = period.calendar
    return Setting(
        title="Build and calendar",
        columns=("What", "As it was"),
        rows=(
            ("Build", build()),
            ("Fiscal calendar", f"{calendar.name} ({calendar.get_pattern_display()})"),
            ("Time zone", entity.time_zone),
            ("Public holidays", entity.country),
            (
                "Exchange rates",
                "Each amount stays in its own currency; rates only compare it with a limit.",
            ),
        ),
    )


def _approval_matrix(entity: Entity) -> Setting:
    policies = Policy.objects.in_force().filter(entity=entity)
    return Setting(
        title="Approval matrix",
        columns=("Item", "From", "Below", "Stages", "Evidence", "Version"),
        rows=tuple(
            (
                policy.item_type.replace("_", " "),
                _limit(policy.least_amount, policy.currency),
                _limit(policy.below_amount, policy.currency),
                "; then ".join(stage_in_words(stage) for stage in policy.stages),
                kinds_in_words(kinds_asked(policy)) or "none",
                str(policy.version),
            )
            for policy in policies
        ),
    )


def _approval_limits(entity: Entity) -> Setting:
    today = timezone.localdate(timezone=entity.zone)
    limits = (
        Limit.objects.standing()
        .filter(entity=entity, starts_on__lte=today)
        .exclude(ends_on__lt=today)
        .select_related("user")
    )
    rows = tuple(
        (
            limit.item_type.replace("_", " "),
            str(limit.user) if limit.user else f"any {limit.role}",
            write_money(Money(limit.amount, limit.currency)),
            write_date(limit.starts_on),
            write_date(limit.ends_on) if limit.ends_on else "no end",
        )
        for limit in limits
    )
    return Setting(
        title="Approval limits",
        columns=("Item", "Whose", "Up to, inclusive", "From", "Until"),
        rows=rows or (("—", "No limit is in force.", "—", "—", "—"),),
    )


def _waivers(entity: Entity, period: Period) -> Setting:
    """Those that held on some day since the period began, revoked since or not."""
    today = timezone.localdate(timezone=entity.zone)
    held = (
        Waiver.objects.with_people()
        .filter(entity=entity, signed_at__isnull=False)
        .filter(starts_on__lte=today, ends_on__gte=period.starts_on)
        .order_by("pk")
    )
    rows = tuple(
        (
            str(waiver.pk),
            str(waiver.person),
            f"{waiver.get_conflict_display()}: {waiver.kind}",
            f"{write_date(waiver.starts_on)} to {write_date(waiver.ends_on)}"
            + (", revoked" if waiver.revoked_at else ""),
            f"{waiver.proposed_by} and {waiver.signed_by}",
            waiver.compensating_control,
        )
        for waiver in held
    )
    return Setting(
        title="Waivers of segregation of duties",
        columns=("Number", "Person", "What is waived", "Days", "Signed by", "Instead"),
        rows=rows or (("—", "Nothing was waived.", "—", "—", "—", "—"),),
    )


def _limit(amount: Decimal | None, currency: str) -> str:
    if amount is None:
        return "no end"
    return write_money(Money(amount, currency)) if currency else f"{amount.normalize():f}"


def _role_members(entity: Entity) -> Setting:
    grants = (
        EntityUserObjectPermission.objects.filter(content_object=entity)
        .select_related("user", "permission")
        .order_by("permission__codename", "user__last_name", "user__first_name", "user__pk")
    )
    return Setting(
        title="Role membership",
        columns=("Role", "Person", "User name", "Account"),
        rows=tuple(
            (
                grant.permission.codename,
                str(grant.user),
                grant.user.username,
                "active" if grant.user.is_active else "inactive",
            )
            for grant in grants
        ),
    )
