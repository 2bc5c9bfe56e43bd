"""How much somebody may approve, and what to say where it is not enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from apps.approvals.errors import AboveLimit, LimitMissing, RateMissing
from apps.approvals.models import Limit, Request
from apps.approvals.rules import (
    LONGEST_RATE_AGE_DAYS,
    Ceiling,
    LimitTerms,
    Rates,
    are_in_use,
    ceiling,
    ceilings,
    converted,
)
from apps.audit.models import Event
from apps.common.errors import NotPermitted
from apps.common.templatetags.finflow import amount as in_figures
from apps.identity.models import User


@dataclass(frozen=True)
class Limits:
    """The limits of one entity on one day, with the rates to compare by."""

    day: date
    terms: tuple[LimitTerms, ...] = ()
    rates: Rates = field(default_factory=Rates)

    def kinds(self) -> frozenset[str]:
        """The item types whose approvals are limited."""
        return frozenset(
            one.item_type for one in self.terms if are_in_use(self.terms, one.item_type, self.day)
        )

    def ceiling_of(self, user_id: int, roles: frozenset[str], request: Request) -> Ceiling | None:
        """How much this person may approve of the request; None if nothing limits it."""
        if request.exposure is None or not are_in_use(self.terms, request.item_type, self.day):
            return None
        return ceiling(
            self.terms,
            user_id=user_id,
            roles=roles,
            item_type=request.item_type,
            currency=request.currency,
            day=self.day,
            rates=self.rates,
        )

    def allow(self, user_id: int, roles: frozenset[str], request: Request) -> bool:
        """Whether the request is within the limit of this person."""
        most = self.ceiling_of(user_id, roles, request)
        return most is None or request.exposure is None or most.allows(request.exposure)

    def least_of(self, mosts: Iterable[Ceiling | None]) -> Ceiling | None:
        """Of several that all have to allow the request the lowest; None if nothing limits it."""
        held = [most for most in mosts if most is not None]
        unknown = [most for most in held if most.amount is None]
        return min(unknown or held, key=lambda most: most.amount or 0, default=None)

    def cap(self, terms: LimitTerms, request: Request) -> Ceiling | None:
        """A cap of a delegation, seen from the request's currency; None for what has no amount."""
        if request.exposure is None:
            return None
        return Ceiling(converted(terms, request.currency, self.day, self.rates), terms)

    def table_of(
        self, user_id: int, roles: frozenset[str], item_type: str
    ) -> Mapping[str, Decimal]:
        """Currency to the most that the person may approve of a limited kind."""
        return ceilings(
            self.terms,
            user_id=user_id,
            roles=roles,
            item_type=item_type,
            day=self.day,
            rates=self.rates,
        )


def refusal_by_limit(request: Request, most: Ceiling | None) -> NotPermitted | None:
    """Why the amount keeps somebody with this ceiling from deciding; None if it does not."""
    if most is None or request.exposure is None or most.allows(request.exposure):
        return None
    if most.terms is None:
        return LimitMissing(
            f"Approvals of {request.kind} are limited here, and you have no limit today.",
            remedy="A controller can define one.",
        )
    limit = f"{in_figures(most.terms.amount, most.terms.currency)} {most.terms.currency}"
    if most.amount is None:
        return RateMissing(
            f"Your limit is {limit}, and no rate of the last {LONGEST_RATE_AGE_DAYS} days says"
            f" what that is in {request.currency}.",
            remedy="A controller can enter the rate.",
        )
    return AboveLimit(
        f"This is {exposure_in_words(request)}, and your limit for {request.kind} is {limit}.",
        remedy="It takes somebody whose limit is higher.",
        limit=str(most.terms.amount),
        limit_currency=most.terms.currency,
        amount=str(request.exposure),
        currency=request.currency,
    )


def exposure_in_words(request: Request) -> str:
    """ "12,450.00 EUR", and that other requests are in it where they are."""
    figure = f"{in_figures(request.exposure, request.currency)} {request.currency}"
    if not request.split_amount:
        return figure
    return f"{figure} together with what else {request.maker} asked for under {request.split_key}"


def limits_seen_by(actor: User) -> Any:
    """Every limit that the actor may see, standing or retired (a queryset)."""
    return Limit.objects.visible_to(actor).select_related("entity", "user", "created_by")


def limits_replaced_by(limit: Limit) -> list[Limit]:
    """The limits whose place it took when it was defined, oldest first, by the audit record."""
    defined = Event.objects.get(
        action="approvals.limit.define",
        subject_type=limit._meta.label_lower,
        subject_id=str(limit.pk),
    )
    replaced = Limit.objects.filter(pk__in=defined.details["replaced"])
    return list(replaced.select_related("user", "created_by").order_by("pk"))
