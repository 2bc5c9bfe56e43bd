"""Scorings, anomalies and reviews in the admin: looked at here; a period is scored again."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from apps.analytics.models import AnomalyReview, AnomalyScore, ScoringRun
from apps.analytics.permissions import SCORE_PERIOD, VIEW_ANOMALIES
from apps.analytics.selectors import reasons_of
from apps.analytics.services import score_period
from apps.common.admin import WindowAdmin, run_each
from apps.identity.context import actor_of


@admin.register(ScoringRun)
class ScoringRunAdmin(WindowAdmin):
    view_permission = VIEW_ANOMALIES
    list_display = (
        "period",
        "entity",
        "entry_count",
        "line_count",
        "history_count",
        "flagged_count",
        "scored_by",
        "scored_at",
        "found",
    )
    list_filter = ("entity", "period")
    list_select_related = ("entity", "period", "scored_by")
    date_hierarchy = "scored_at"
    actions: ClassVar = ["score_again"]
    fields = (
        "entity",
        "period",
        "entry_count",
        "line_count",
        "history_count",
        "flagged_count",
        "scored_by",
        "scored_at",
        "input_digest",
        "parameters_shown",
        "versions_shown",
        "unscored_shown",
    )
    readonly_fields = fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def has_score_permission(self, request: HttpRequest) -> bool:
        """Django asks this for the action below."""
        user = actor_of(request)
        return bool(user.may(SCORE_PERIOD))

    @admin.display(description="Parameters")
    def parameters_shown(self, run: ScoringRun) -> str:
        return _json(run.parameters)

    @admin.display(description="Versions of the measures")
    def versions_shown(self, run: ScoringRun) -> str:
        return _json(run.versions)

    @admin.display(description="What could not be scored")
    def unscored_shown(self, run: ScoringRun) -> str:
        return _json(run.unscored)

    @admin.display(description="Found")
    def found(self, run: ScoringRun) -> str:
        url = reverse("admin:analytics_anomalyscore_changelist")
        return format_html('<a href="{}?run__id__exact={}">Anomalies</a>', url, run.pk)

    @admin.action(description="Score the period again", permissions=["score"])
    def score_again(self, request: HttpRequest, queryset: Any) -> None:
        """With the usual parameters; where lines and parameters are the same, nothing is made."""
        actor = actor_of(request)
        run_each(
            request,
            queryset.order_by("period_id").distinct("period_id"),
            lambda run: score_period(period_id=run.period_id, actor=actor),
            done="scored",
        )


@admin.register(AnomalyScore)
class AnomalyScoreAdmin(WindowAdmin):
    view_permission = VIEW_ANOMALIES
    list_display = ("entry", "run", "score", "decision", "clearest_reason", "page")
    list_filter = ("run__entity", "run__period", ("run", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("entry__period", "run__period", "review")
    search_fields = ("entry__description", "entry__external_id")
    fields = ("run", "entry", "score", "decision", "reasons_shown")
    readonly_fields = fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def view_on_site(self, obj: AnomalyScore) -> str:
        """Reviewing has its page."""
        return reverse("analytics:anomaly", args=[obj.pk])

    @admin.display(description="Decision")
    def decision(self, score: AnomalyScore) -> str:
        review = getattr(score, "review", None)
        return str(review.get_disposition_display()) if review else "To be reviewed"

    @admin.display(description="Why")
    def clearest_reason(self, score: AnomalyScore) -> str:
        return str(reasons_of(score)[0]["reason"])

    @admin.display(description="Reasons")
    def reasons_shown(self, score: AnomalyScore) -> str:
        words = ((str(reason["reason"]),) for reason in reasons_of(score))
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", words))

    @admin.display(description="Page")
    def page(self, score: AnomalyScore) -> str:
        return format_html('<a href="{}">Review</a>', self.view_on_site(score))


@admin.register(AnomalyReview)
class AnomalyReviewAdmin(WindowAdmin):
    view_permission = VIEW_ANOMALIES
    list_display = ("score", "disposition", "reviewed_by", "reviewed_at", "comment", "version")
    list_filter = ("disposition", "score__run__entity", "score__run__period")
    list_select_related = ("score__entry__period", "reviewed_by")
    search_fields = ("comment", "score__entry__external_id")
    date_hierarchy = "reviewed_at"

    def view_on_site(self, obj: AnomalyReview) -> str:
        """Reviewing has its page."""
        return reverse("analytics:anomaly", args=[obj.score_id])


def _json(value: Any) -> str:
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
