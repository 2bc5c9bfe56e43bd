"""How REST lists are narrowed."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django_filters import rest_framework as filters

from apps.common.filters import id_filter
from apps.identity.models import User
from apps.reconciliation.models import Break, MatchGroup, MatchType, Run
from apps.reconciliation.selectors import (
    AGE,
    naming,
    of_age,
    of_owner,
    today_of,
    with_owner,
    with_size,
    with_status,
)
from apps.reconciliation.states import BreakState, Cause, ReviewStatus, RunStatus


def _amount(method: str, label: str) -> filters.NumberFilter:
    return filters.NumberFilter(method=method, label=label, max_digits=20, decimal_places=4)


class MatchTypeFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")

    class Meta:
        model = MatchType
        fields: ClassVar = ("entity", "code")


class RunFilter(filters.FilterSet):
    status = filters.ChoiceFilter(
        choices=RunStatus.choices,
        label="As it is stored: a run in one piece is `queued` until its end, at work or not.",
    )
    match_type = filters.CharFilter(field_name="match_type__code")
    entity = filters.CharFilter(field_name="entity__code")

    class Meta:
        model = Run
        fields: ClassVar = ("status", "match_type", "entity", "starts_on", "ends_on")


class GroupFilter(filters.FilterSet):
    run = id_filter("run_id")
    number = filters.NumberFilter(max_digits=9, decimal_places=0)

    class Meta:
        model = MatchGroup
        fields: ClassVar = ("run", "number", "pass_name", "status")


class BreakFilter(filters.FilterSet):
    run = id_filter("run_id")
    match_type = filters.CharFilter(field_name="run__match_type__code")
    entity = filters.CharFilter(field_name="run__entity__code")
    cause = filters.ChoiceFilter(choices=Cause.choices)
    state = filters.ChoiceFilter(choices=BreakState.choices)
    review_status = filters.ChoiceFilter(choices=ReviewStatus.choices, method="having_status")
    least_amount = _amount("at_least", "Amount without its sign, at least")
    most_amount = _amount("at_most", "Amount without its sign, at most")
    owner = filters.CharFilter(method="owned_by", label="User name of who has it; none: nobody")
    age = filters.CharFilter(
        method="aged",
        label='Days since its oldest record: "31-60", "91-"',
        validators=[
            RegexValidator(AGE, 'Give days as "31-60", or as "91-" for that many and more.')
        ],
    )
    q = filters.CharFilter(method="naming", label="Part of a reference, or an external id")

    class Meta:
        model = Break
        fields: ClassVar = ("run", "cause", "state", "is_material", "match_type", "entity")

    def having_status(self, queryset: Any, name: str, value: str) -> Any:
        return with_status(queryset, value)

    def at_least(self, queryset: Any, name: str, value: Any) -> Any:
        return with_size(queryset, least=value)

    def at_most(self, queryset: Any, name: str, value: Any) -> Any:
        return with_size(queryset, most=value)

    def owned_by(self, queryset: Any, name: str, value: str) -> Any:
        if value == "none":
            return of_owner(with_owner(queryset), None)
        owner = User.objects.filter(username=value).first()
        return of_owner(with_owner(queryset), owner.pk) if owner else queryset.none()

    def aged(self, queryset: Any, name: str, value: str) -> Any:
        return of_age(with_owner(queryset), value, today_of(None))

    def naming(self, queryset: Any, name: str, value: str) -> Any:
        return naming(queryset, value)
