"""What people said and did, looked at."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.reconciliation.admin.seen import SeenAdmin
from apps.reconciliation.models import (
    BreakAssignment,
    BreakClosure,
    BreakReview,
    Certification,
    Correction,
    GroupRevocation,
    RematchPermit,
    Revision,
    WriteOff,
)
from apps.reconciliation.selectors import evidence_shown


@admin.register(BreakReview)
class BreakReviewAdmin(SeenAdmin):
    list_display = ("broken", "status", "comment", "explained_by", "accepted_by", "changed_at")
    list_filter = ("status", "broken__run__match_type", "broken__cause")
    list_select_related = ("broken", "explained_by", "accepted_by")
    date_hierarchy = "changed_at"


@admin.register(Revision)
class RevisionAdmin(SeenAdmin):
    list_display = ("run", "number", "kind", "reason", "revised_by", "revised_at")
    list_filter = ("kind", "run__match_type")
    list_select_related = ("run__match_type", "revised_by")
    date_hierarchy = "revised_at"


@admin.register(GroupRevocation)
class GroupRevocationAdmin(SeenAdmin):
    list_display = ("group", "revision")
    list_filter = ("revision__run__match_type",)
    list_select_related = ("group", "revision")


@admin.register(RematchPermit)
class RematchPermitAdmin(SeenAdmin):
    list_display = ("revocation", "reason", "permitted_by", "permitted_at")
    list_select_related = ("revocation", "permitted_by")


@admin.register(BreakClosure)
class BreakClosureAdmin(SeenAdmin):
    list_display = ("broken", "revision")
    list_filter = ("revision__kind", "revision__run__match_type")
    list_select_related = ("broken", "revision")


@admin.register(Correction)
class CorrectionAdmin(SeenAdmin):
    list_display = ("broken", "from_cause", "to_cause", "reason", "corrected_by", "corrected_at")
    list_filter = ("from_cause", "to_cause", "broken__run__match_type")
    list_select_related = ("broken", "corrected_by")
    date_hierarchy = "corrected_at"
    fields = (
        "broken",
        "successor",
        "from_cause",
        "to_cause",
        "reason",
        "evidence_shown",
        "corrected_by",
        "corrected_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    @admin.display(description="What the rules had gone by")
    def evidence_shown(self, correction: Any) -> str:
        evidence = evidence_shown(correction.broken, actor=correction.seen_by)
        return json.dumps(evidence, ensure_ascii=False)


@admin.register(WriteOff)
class WriteOffAdmin(SeenAdmin):
    list_display = ("run", "broken", "group", "amount", "currency", "entry", "proposed_by")
    list_filter = ("run__match_type",)
    list_select_related = ("run__match_type", "broken", "group", "entry", "proposed_by")


@admin.register(Certification)
class CertificationAdmin(SeenAdmin):
    list_display = ("run", "part", "comment", "certified_by", "certified_at")
    list_filter = ("part", "run__match_type")
    list_select_related = ("run__match_type", "certified_by")
    date_hierarchy = "certified_at"


@admin.register(BreakAssignment)
class BreakAssignmentAdmin(SeenAdmin):
    list_display = ("broken", "owner", "reason", "assigned_by", "assigned_at")
    list_filter = ("owner", "broken__run__match_type")
    list_select_related = ("broken", "owner", "assigned_by")
