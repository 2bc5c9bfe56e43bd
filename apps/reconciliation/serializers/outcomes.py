"""How match types, runs, groups and breaks look over REST, and what is taken there."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.api import AmountField, StrictSerializer
from apps.reconciliation.models import (
    Break,
    LearnedWeights,
    MatchGroup,
    MatchType,
    RuleSetVersion,
    Run,
)
from apps.reconciliation.selectors import (
    Progress,
    evidence_shown,
    match_rate,
    progress_of,
    reason_shown,
    reasons_shown,
    rule_set_status,
    variance,
)
from apps.reconciliation.states import ReviewStatus, RunPhase, RunStatus

_RUN_FIELDS = (
    "id",
    "entity",
    "match_type",
    "rule_set",
    "starts_on",
    "ends_on",
    "status",
    "left_count",
    "right_count",
    "carried_left_count",
    "carried_right_count",
    "group_count",
    "break_count",
    "proof",
    "failure",
    "requested_by",
    "requested_at",
    "finished_at",
    "outcome_digest",
    "division",
    "progress",
)


class MatchTypeSerializer(serializers.ModelSerializer[MatchType]):
    entity = serializers.CharField(source="entity.code")
    left_source = serializers.CharField(source="left_source.code")
    right_source = serializers.CharField(source="right_source.code")

    class Meta:
        model = MatchType
        fields: ClassVar = (
            "id",
            "entity",
            "code",
            "name",
            "description",
            "left_source",
            "right_source",
        )


class ProgressSerializer(serializers.Serializer[Progress]):
    """How far a run is while somebody is at work on it."""

    phase = serializers.ChoiceField(choices=RunPhase.choices)
    pass_name = serializers.CharField(help_text="The pass at work; empty in other phases.")
    pass_number = serializers.IntegerField(help_text="From 1; 0 in other phases.")
    passes = serializers.IntegerField()
    shards_done = serializers.IntegerField(allow_null=True, help_text="Null of one in one piece.")
    shards = serializers.IntegerField(allow_null=True)
    rows_done = serializers.IntegerField(
        help_text="Records of the shards that are through, or matched so far; or rows stored."
    )
    rows = serializers.IntegerField(help_text="0 while that is not known.")
    seconds_left = serializers.SerializerMethodField()

    def get_seconds_left(self, progress: Progress) -> int | None:
        """An estimate by the shards that are through; else null."""
        return None if progress.left is None else int(progress.left.total_seconds())


class RunSerializer(serializers.ModelSerializer[Run]):
    """A run; `progress` is null unless somebody is at work on it, and it is `running` then."""

    entity = serializers.CharField(source="entity.code")
    match_type = serializers.CharField(source="match_type.code")
    rule_set = serializers.IntegerField(source="rule_set.number")
    requested_by = serializers.CharField(source="requested_by.username")
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields: ClassVar[tuple[str, ...]] = _RUN_FIELDS

    def to_representation(self, run: Run) -> dict[str, Any]:
        """A run in one piece is stored as queued until its end: the one at work on it tells."""
        shown = super().to_representation(run)
        at_work = {} if shown["progress"] is None else {"status": RunStatus.RUNNING.value}
        return {**shown, **at_work}

    @extend_schema_field(ProgressSerializer(allow_null=True))
    def get_progress(self, run: Run) -> dict[str, Any] | None:
        """How far it is."""
        found = progress_of(run)
        return ProgressSerializer(found).data if found else None


class LearnedSerializer(serializers.ModelSerializer[LearnedWeights]):
    """What a run learned for a fuzzy pass: weights in bits, as `likeness.weights` takes them."""

    weights = serializers.DictField()

    class Meta:
        model = LearnedWeights
        fields: ClassVar = ("pass_name", "run", "weights", "learned_at")


class RuleSetSerializer(serializers.ModelSerializer[RuleSetVersion]):
    """A version of rules; `status` is in_force, former, proposed or not_approved."""

    status = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.username")
    in_force_since = serializers.DateTimeField(source="adoption.adopted_at", default=None)
    basis = serializers.CharField(source="adoption.basis", default=None)
    learned = LearnedSerializer(many=True)

    class Meta:
        model = RuleSetVersion
        fields: ClassVar = (
            "id",
            "number",
            "status",
            "rules",
            "digest",
            "created_by",
            "created_at",
            "in_force_since",
            "basis",
            "learned",
        )

    def get_status(self, version: RuleSetVersion) -> str:
        """Where it stands."""
        return str(rule_set_status(version).value)


class RulesInput(StrictSerializer):
    rules = serializers.DictField(help_text="A whole rule set, see how matching works.")


class ProposalInput(RulesInput):
    expected_version = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="Number of the newest version that was read; if there is a newer one, nothing is"
        " proposed (409 STALE_VERSION).",
    )


class PreviewInput(RulesInput):
    run = serializers.IntegerField(min_value=1, max_value=10**18, help_text="A run that stands.")


class TriedGroupSerializer(serializers.Serializer[Any]):
    records = serializers.ListField(child=serializers.IntegerField())
    pass_name = serializers.CharField()
    currency = serializers.CharField()
    difference = AmountField()


class CauseCountSerializer(serializers.Serializer[Any]):
    cause = serializers.CharField()
    before = serializers.IntegerField()
    after = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What would come out otherwise; `gone` and `new` list at most 50 groups each."""

    run = serializers.IntegerField(source="run.pk")
    is_same = serializers.BooleanField()
    item_count = serializers.IntegerField()
    match_rate_before = serializers.CharField()
    match_rate_after = serializers.CharField()
    groups_before = serializers.IntegerField()
    groups_after = serializers.IntegerField()
    same_groups = serializers.IntegerField()
    groups_gone = serializers.IntegerField()
    groups_new = serializers.IntegerField()
    gone = TriedGroupSerializer(many=True)
    new = TriedGroupSerializer(many=True)
    breaks_before = serializers.IntegerField()
    breaks_after = serializers.IntegerField()
    causes = CauseCountSerializer(many=True)


class VarianceSerializer(serializers.Serializer[Any]):
    amount = AmountField()
    percent = serializers.CharField()
    gross_percent = serializers.CharField()
    currency = serializers.CharField()


class StatusSerializer(RunSerializer):
    """A run with the measures of its outcome; they are null before there is one."""

    match_rate = serializers.SerializerMethodField()
    variance = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*_RUN_FIELDS, "match_rate", "variance")

    def get_match_rate(self, run: Run) -> str | None:
        """Matched items in percent of all."""
        return str(match_rate(run)) if _has_outcome(run) else None

    def get_variance(self, run: Run) -> dict[str, Any] | None:
        """Left less right, in percent of the right side; null where currencies are mixed."""
        found = variance(run) if _has_outcome(run) else None
        return VarianceSerializer(found).data if found else None


class ItemSerializer(serializers.Serializer[Any]):
    """A record in a group or break: what it was matched by, and nothing personal."""

    record = serializers.IntegerField(source="record_id")
    side = serializers.CharField()
    external_id = serializers.CharField(source="record.external_id")
    reference = serializers.CharField(source="record.reference")
    booked_on = serializers.DateField(source="record.booked_on")
    amount = AmountField(source="record.amount", currency_source="record.currency")
    currency = serializers.CharField(source="record.currency")


class GroupItemSerializer(ItemSerializer):
    allocated = AmountField(currency_source="record.currency")


class GroupSerializer(serializers.ModelSerializer[MatchGroup]):
    left_total = AmountField()
    right_total = AmountField()
    difference = AmountField()
    reasons = serializers.SerializerMethodField()
    items = GroupItemSerializer(many=True)

    class Meta:
        model = MatchGroup
        fields: ClassVar = (
            "id",
            "run",
            "number",
            "pass_name",
            "status",
            "currency",
            "left_total",
            "right_total",
            "difference",
            "reasons",
            "items",
        )

    def get_reasons(self, group: MatchGroup) -> list[str]:
        """Why they belong together, in sentences."""
        return reasons_shown(group, actor=self.context["request"].user)


class BreakSerializer(serializers.ModelSerializer[Break]):
    match_type = serializers.CharField(source="run.match_type.code")
    left_total = AmountField()
    right_total = AmountField()
    amount = AmountField()
    reason = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()
    items = ItemSerializer(many=True)
    review_status = serializers.CharField(source="review.status", default=ReviewStatus.OPEN)
    review_comment = serializers.CharField(source="review.comment", default="")
    review_version = serializers.IntegerField(source="review.version", default=1)
    explained_by = serializers.CharField(source="review.explained_by.username", default=None)
    accepted_by = serializers.CharField(source="review.accepted_by.username", default=None)

    class Meta:
        model = Break
        fields: ClassVar = (
            "id",
            "run",
            "match_type",
            "number",
            "cause",
            "state",
            "currency",
            "left_total",
            "right_total",
            "amount",
            "is_material",
            "reason",
            "evidence",
            "items",
            "review_status",
            "review_comment",
            "review_version",
            "explained_by",
            "accepted_by",
        )

    def get_reason(self, broken: Break) -> str:
        """The cause in a sentence."""
        return reason_shown(broken, actor=self.context["request"].user)

    def get_evidence(self, broken: Break) -> dict[str, Any]:
        """The facts that decided the cause."""
        return evidence_shown(broken, actor=self.context["request"].user)


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class CodeOrId(serializers.Field[str, Any, str, Any]):
    """A code, or an id as number or text."""

    default_error_messages: ClassVar[dict[str, Any]] = {"type": "Send a code or an id."}

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool) or not isinstance(data, str | int):
            self.fail("type")
        text = str(data)
        if not 1 <= len(text) <= 50 or not text.isprintable():
            self.fail("type")
        return text


class StartInput(StrictSerializer):
    match_type = CodeOrId()
    entity = serializers.CharField(
        max_length=20, required=False, help_text="Where several entities have this code."
    )
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()


class ReviewInput(StrictSerializer):
    comment = serializers.CharField(max_length=2000, allow_blank=True, default="")
    expected_version = serializers.IntegerField(
        min_value=1, help_text="The `review_version` that was seen."
    )


def _has_outcome(run: Run) -> bool:
    return run.status in {RunStatus.COMPLETED, RunStatus.SUPERSEDED}
