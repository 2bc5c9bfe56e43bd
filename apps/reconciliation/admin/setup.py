"""Match types and their rules: set up and changed through the services."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.common.admin import ServiceAdmin, ServiceForm
from apps.identity.models import Entity
from apps.ingestion.models import Source
from apps.ingestion.selectors import account_shown
from apps.reconciliation import services
from apps.reconciliation.admin.seen import SeenAdmin
from apps.reconciliation.forms import RulesField
from apps.reconciliation.models import (
    LearnedWeights,
    MatchType,
    ResolutionRule,
    RuleSetAdoption,
    RuleSetVersion,
)
from apps.reconciliation.permissions import MANAGE_MATCH_TYPES
from apps.reconciliation.selectors import (
    newest_rules,
    rule_set_status,
    rules_in_force,
    rules_shown,
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
    "carries",
    "version",
)


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
            "carries",
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
            carries=facts["carries"],
            rules=facts["rules"],
            actor=self.actor,
        )


class RulesForm(ServiceForm):
    """Other rules for runs to come; where a policy asks for it they wait for an approval."""

    rules = AdminRulesField(help_text="Where a policy asks for an approval, they wait for it.")
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = MatchType
        fields: ClassVar = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rules"].initial = rules_shown(self.instance).rules
        self.fields["seen_version"].initial = newest_rules(self.instance).number

    def carry_out(self, facts: dict[str, Any]) -> MatchType:
        services.change_rules(
            match_type_id=self.instance.pk,
            rules=facts["rules"],
            expected_version=facts["seen_version"],
            actor=self.actor,
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
        return (*_FIXED, *(("rules", "seen_version") if is_changeable else ("rules_shown",)))

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
    def version(self, match_type: MatchType) -> str:
        version = rules_in_force(match_type)
        return str(version.number) if version else "none in force"

    @admin.display(description="Rules")
    def rules_shown(self, match_type: MatchType) -> str:
        rules = json.dumps(rules_shown(match_type).rules, indent=2, ensure_ascii=False)
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


@admin.register(LearnedWeights)
class LearnedWeightsAdmin(SeenAdmin):
    list_display = ("rule_set", "match_type", "pass_name", "run", "learned_at")
    list_filter = ("rule_set__match_type",)
    list_select_related = ("rule_set__match_type", "run__match_type")

    @admin.display(description="Match type")
    def match_type(self, learned: LearnedWeights) -> str:
        return str(learned.rule_set.match_type)


@admin.register(ResolutionRule)
class ResolutionRuleAdmin(SeenAdmin):
    list_display = (
        "match_type",
        "number",
        "cause",
        "limit",
        "currency",
        "expense_account",
        "status",
        "created_by",
    )
    list_filter = ("status", "cause", "match_type")
    list_select_related = ("match_type", "created_by")


def _accounts(match_type: Any, accounts: list[str], source: Source) -> str:
    shown = [account_shown(match_type.seen_by, account, source) for account in accounts]
    return ", ".join(shown) or "all"
