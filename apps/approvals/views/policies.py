"""One policy, as it is or as it is proposed."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.approvals.models import Policy
from apps.approvals.permissions import VIEW_POLICIES
from apps.approvals.selectors import kinds_asked, kinds_in_words, latest_request_for, stage_in_words
from apps.approvals.selectors.policies import policy_in_place_of, policy_seen_by
from apps.approvals.selectors.stages import escalation_in_words
from apps.common.access import authorize
from apps.common.templatetags.finflow import amount
from apps.identity.context import actor_of, show_times_of


@require_safe
@login_required
def policy_page(request: HttpRequest, policy_id: int) -> HttpResponse:
    """What it asks for, beside what it would replace."""
    actor = actor_of(request)
    authorize(actor, VIEW_POLICIES)
    policy = policy_seen_by(actor, policy_id)
    show_times_of(policy.entity)
    former = policy_in_place_of(policy) if policy.is_proposed else None
    context = {
        "page_title": f"Policy for {policy.kind}",
        "policy": policy,
        "former": former,
        "asked": latest_request_for(policy),
        "rows": _compared(former, policy) if former else [],
        "facts": list(_facts(policy).items()),
    }
    return render(request, "approvals/policy.html", context)


def _compared(former: Policy, policy: Policy) -> list[dict[str, str]]:
    """Label, what is in force and what this one says, for a comparison."""
    before = _facts(former)
    return [
        {"label": label, "left": before[label], "right": value}
        for label, value in _facts(policy).items()
    ]


def _facts(policy: Policy) -> dict[str, str]:
    least, below = (
        f"{amount(limit, policy.currency)} {policy.currency}" if limit else ""
        for limit in (policy.least_amount, policy.below_amount)
    )
    return {
        "Who approves": ", then ".join(stage_in_words(stage) for stage in policy.stages),
        "From": least or "any amount",
        "Below": below or "no end",
        "Currency": policy.currency or "any",
        "Comment": "needed" if policy.needs_comment else "if one likes",
        "Attestation": policy.attestation_text or "none",
        "Evidence": kinds_in_words(kinds_asked(policy)) or "none",
        "Time": f"{policy.due_after_hours} business hours for each step",
        "When late": escalation_in_words(policy.escalation),
        "Expires": f"after {policy.expires_after_days} days"
        if policy.expires_after_days
        else "never",
    }
