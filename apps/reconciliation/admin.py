"""Reconciliation in the admin: looked at here, set up and started through the services."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.common.admin import ServiceAdmin, ServiceForm, WindowAdmin, run_each
from apps.identity.models import Entity
from apps.ingestion.models import Source
from apps.ingestion.selectors import account_shown
from apps.reconciliation import services
from apps.reconciliation.forms import RulesField
from apps.reconciliation.models import (
    Break,
    BreakItem,
    BreakReview,
    MatchGroup,
    MatchItem,
    MatchType,
    RuleSetAdoption,
    RuleSetVersion,
    Run,
)
from apps.reconciliation.permissions import MANAGE_MATCH_TYPES, START_RUN, VIEW_RUNS
from apps.reconciliation.selectors import (
    evidence_shown,
    reason_shown,
    reasons_shown,
    rule_set_status,
    rules_in_force,
)

_FIXED = (
    "entity",
    "code",
    "name",
    "description",
    "left_source",
    "left_accounts_shown",
    "right_source",
    "right_accounts_shown",
    "version",
)


class SeenAdmin(WindowAdmin):
    """Rows know who looks at them, so that what is confidential can be masked."""

    view_permission = VIEW_RUNS

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.seen_by = request.user
        return found


class AdminRulesField(RulesField):
    """Rules in a field of the administration's own look."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 30})


class MatchTypeForm(ServiceForm):
    """A new match type with its first rules."""

    rules = AdminRulesField(help_text="See docs/explanation/matching.md.")

    class Meta:
        model = MatchType
        fields: ClassVar = (
            "entity",
            "code",
            "name",
            "description",
            "left_source",
            "left_accounts",
            "right_source",
            "right_accounts",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ids = self.actor.entity_ids(MANAGE_MATCH_TYPES)
        entities: Any = self.fields["entity"]
        entities.queryset = Entity.objects.filter(pk__in=ids)
        for name in ("left_source", "right_source"):
            sources: Any = self.fields[name]
            sources.queryset = Source.objects.filter(entity_id__in=ids)

    def carry_out(self, facts: dict[str, Any]) -> MatchType:
        return services.define_match_type(
            entity_id=facts["entity"].pk,
            code=facts["code"],
            name=facts["name"],
            description=facts["description"],
            left_source_id=facts["left_source"].pk,
            left_accounts=facts["left_accounts"] or (),
            right_source_id=facts["right_source"].pk,
            right_accounts=facts["right_accounts"] or (),
            rules=facts["rules"],
            actor=self.actor,
        )


class RulesForm(ServiceForm):
    """Other rules for runs to come; where a policy asks for it they wait for an approval."""

    rules = AdminRulesField(help_text="Where a policy asks for an approval, they wait for it.")

    class Meta:
        model = MatchType
        fields: ClassVar = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rules"].initial = rules_in_force(self.instance).rules

    def carry_out(self, facts: dict[str, Any]) -> MatchType:
        services.change_rules(
            match_type_id=self.instance.pk, rules=facts["rules"], actor=self.actor
        )
        match_type: MatchType = self.instance
        return match_type


@admin.register(MatchType)
class MatchTypeAdmin(SeenAdmin, ServiceAdmin):
    add_permission = MANAGE_MATCH_TYPES
    change_permission = MANAGE_MATCH_TYPES
    add_form = MatchTypeForm
    list_display = ("name", "code", "entity", "left_source", "right_source", "version", "runs")
    list_filter = ("entity",)
    list_select_related = ("entity", "left_source", "right_source")
    search_fields = ("code", "name")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return (*MatchTypeForm.Meta.fields, "rules")
        is_changeable = self.has_change_permission(request, obj)
        return (*_FIXED, "rules" if is_changeable else "rules_shown")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else (*_FIXED, "rules_shown")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is not None and self.has_change_permission(request, obj):
            kwargs["form"] = RulesForm
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = request.user
        return form

    @admin.display(description="Accounts of the left side")
    def left_accounts_shown(self, match_type: Any) -> str:
        return _accounts(match_type, match_type.left_accounts, match_type.left_source)

    @admin.display(description="Accounts of the right side")
    def right_accounts_shown(self, match_type: Any) -> str:
        return _accounts(match_type, match_type.right_accounts, match_type.right_source)

    @admin.display(description="Version of the rules")
    def version(self, match_type: MatchType) -> int:
        return rules_in_force(match_type).number

    @admin.display(description="Rules")
    def rules_shown(self, match_type: MatchType) -> str:
        rules = json.dumps(rules_in_force(match_type).rules, indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", rules)

    @admin.display(description="Runs")
    def runs(self, match_type: MatchType) -> str:
        url = reverse("admin:reconciliation_run_changelist")
        return format_html('<a href="{}?match_type__id__exact={}">Runs</a>', url, match_type.pk)


@admin.register(RuleSetVersion)
class RuleSetVersionAdmin(SeenAdmin):
    list_display = ("match_type", "number", "standing", "digest_shown", "created_by", "created_at")
    list_filter = ("match_type",)
    list_select_related = ("match_type", "created_by", "adoption")

    @admin.display(description="Status")
    def standing(self, version: RuleSetVersion) -> str:
        return str(rule_set_status(version).label)

    @admin.display(description="Digest")
    def digest_shown(self, version: RuleSetVersion) -> str:
        return f"{version.digest[:16]}…"


@admin.register(RuleSetAdoption)
class RuleSetAdoptionAdmin(SeenAdmin):
    list_display = ("version", "match_type", "basis", "request", "adopted_by", "adopted_at")
    list_filter = ("basis", "version__match_type")
    list_select_related = ("version__match_type", "request", "adopted_by")

    @admin.display(description="Match type")
    def match_type(self, adoption: RuleSetAdoption) -> str:
        return str(adoption.version.match_type)


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
        user: Any = request.user
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
        actor: Any = request.user
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
        "reasons_shown",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    @admin.display(description="Reasons")
    def reasons_shown(self, group: Any) -> str:
        return "; ".join(reasons_shown(group, actor=group.seen_by))

    @admin.display(description="Page")
    def page(self, group: MatchGroup) -> str:
        url = reverse("reconciliation:group", args=[group.run_id, group.number])
        return format_html('<a href="{}">Open</a>', url)


@admin.register(MatchItem)
class MatchItemAdmin(SeenAdmin):
    list_display = ("run", "group_number", "side", "record", "allocated")
    list_filter = ("side", "run__match_type")
    list_select_related = ("run__match_type", "record")
    search_fields = ("=record__external_id", "=record__reference")


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


@admin.register(BreakReview)
class BreakReviewAdmin(SeenAdmin):
    list_display = ("broken", "status", "comment", "explained_by", "accepted_by", "changed_at")
    list_filter = ("status", "broken__run__match_type", "broken__cause")
    list_select_related = ("broken", "explained_by", "accepted_by")
    date_hierarchy = "changed_at"


def _accounts(match_type: Any, accounts: list[str], source: Source) -> str:
    shown = [account_shown(match_type.seen_by, account, source) for account in accounts]
    return ", ".join(shown) or "all"
