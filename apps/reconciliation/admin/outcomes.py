"""Runs and what they found, looked at; runs are started through the service."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from apps.common.admin import run_each
from apps.common.money import plain
from apps.identity.context import actor_of
from apps.reconciliation import services
from apps.reconciliation.admin.seen import SeenAdmin
from apps.reconciliation.models import (
    Break,
    BreakItem,
    MatchGroup,
    Run,
)
from apps.reconciliation.permissions import START_RUN
from apps.reconciliation.selectors import (
    evidence_shown,
    items_by_group,
    reason_shown,
    reasons_shown,
)


@admin.register(Run)
class RunAdmin(SeenAdmin):
    list_display = (
        "match_type",
        "starts_on",
        "ends_on",
        "status",
        "group_count",
        "break_count",
        "requested_by",
        "requested_at",
        "found",
        "page",
    )
    list_filter = ("status", "match_type", "entity")
    list_select_related = ("match_type", "requested_by")
    date_hierarchy = "ends_on"
    actions: ClassVar = ["run_again"]

    def has_start_permission(self, request: HttpRequest) -> bool:
        user = actor_of(request)
        return bool(user.may(START_RUN))

    @admin.display(description="Found")
    def found(self, run: Run) -> str:
        groups = reverse("admin:reconciliation_matchgroup_changelist")
        breaks = reverse("admin:reconciliation_break_changelist")
        return format_html(
            '<a href="{}?run__id__exact={}">Groups</a>, <a href="{}?run__id__exact={}">breaks</a>',
            groups,
            run.pk,
            breaks,
            run.pk,
        )

    @admin.display(description="Page")
    def page(self, run: Run) -> str:
        return format_html('<a href="{}">Open</a>', reverse("reconciliation:run", args=[run.pk]))

    @admin.action(description="Run again", permissions=["start"])
    def run_again(self, request: HttpRequest, queryset: Any) -> None:
        """Where items and rules are the same, the run that stands is left alone."""
        actor = actor_of(request)
        run_each(
            request,
            queryset.order_by("ends_on", "pk"),
            lambda run: services.start_run(
                match_type_id=run.match_type_id,
                starts_on=run.starts_on,
                ends_on=run.ends_on,
                actor=actor,
            ),
            done="asked for",
        )


@admin.register(MatchGroup)
class MatchGroupAdmin(SeenAdmin):
    list_display = ("number", "run", "pass_name", "status", "difference", "currency", "page")
    list_filter = (
        "pass_name",
        "status",
        "run__match_type",
        ("run", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("run__match_type",)
    fields = (
        "run",
        "number",
        "pass_name",
        "status",
        "currency",
        "left_total",
        "right_total",
        "difference",
        "items_shown",
        "reasons_shown",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    @admin.display(description="Reasons")
    def reasons_shown(self, group: Any) -> str:
        return "; ".join(reasons_shown(group, actor=group.seen_by))

    @admin.display(description="Items")
    def items_shown(self, group: MatchGroup) -> str:
        """Side, record and amount of each, in the left side's sense."""
        return format_html_join(
            "",
            "{}: {} of {}, {} {}<br>",
            (
                (
                    item.side.label,
                    item.record.external_id or f"record {item.record_id}",
                    item.record.booked_on,
                    plain(item.allocated, item.record.currency),
                    item.record.currency,
                )
                for item in items_by_group([group])[group.pk]
            ),
        )

    @admin.display(description="Page")
    def page(self, group: MatchGroup) -> str:
        url = reverse("reconciliation:group", args=[group.run_id, group.number])
        return format_html('<a href="{}">Open</a>', url)


@admin.register(Break)
class BreakAdmin(SeenAdmin):
    list_display = (
        "number",
        "run",
        "cause",
        "state",
        "amount",
        "currency",
        "is_material",
        "said",
        "page",
    )
    list_filter = (
        "cause",
        "state",
        "is_material",
        "review__status",
        "run__match_type",
        ("run", admin.RelatedOnlyFieldListFilter),
    )
    search_fields = ("=items__record__external_id", "=items__record__reference")
    list_select_related = ("run__match_type", "review")
    fields = (
        "run",
        "number",
        "cause",
        "state",
        "currency",
        "left_total",
        "right_total",
        "amount",
        "is_material",
        "reason_shown",
        "evidence_shown",
        "said",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    @admin.display(description="Reason")
    def reason_shown(self, broken: Any) -> str:
        return reason_shown(broken, actor=broken.seen_by)

    @admin.display(description="Evidence")
    def evidence_shown(self, broken: Any) -> str:
        return json.dumps(evidence_shown(broken, actor=broken.seen_by), ensure_ascii=False)

    @admin.display(description="Review")
    def said(self, broken: Break) -> str:
        review = getattr(broken, "review", None)
        return str(review.get_status_display()) if review else "Open"

    @admin.display(description="Page")
    def page(self, broken: Break) -> str:
        url = reverse("reconciliation:break", args=[broken.pk])
        return format_html('<a href="{}">Open</a>', url)


@admin.register(BreakItem)
class BreakItemAdmin(SeenAdmin):
    list_display = ("broken", "side", "record")
    list_filter = ("side", "broken__cause")
    list_select_related = ("broken", "record")
    search_fields = ("=record__external_id", "=record__reference")
