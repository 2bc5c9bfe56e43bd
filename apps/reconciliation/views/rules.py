"""The rules of a match type: what is in force, what waits, and trying others before proposing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.common.access import one_visible
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of, show_times_of
from apps.identity.selectors import people_who_may
from apps.reconciliation.forms import ResolutionForm, RulesForm, TermsForm
from apps.reconciliation.models import MatchType
from apps.reconciliation.permissions import EXPLAIN_BREAK, MANAGE_MATCH_TYPES, PREVIEW_RULES
from apps.reconciliation.selectors import (
    learned_under,
    match_types_for,
    newest_rules,
    rule_changes,
    rule_set_status,
    rules_in_force,
    rules_shown,
    thresholds,
    versions_of,
)
from apps.reconciliation.services import (
    change_rules,
    choose_carries,
    preview_rules,
    propose_learned,
    propose_resolution,
    retire_resolution,
    set_terms,
)
from apps.reconciliation.services.preview import Preview
from apps.reconciliation.states import RuleSetStatus
from apps.reconciliation.views.scope import cause_label, runs_link, viewer

_SAID = {
    RuleSetStatus.PROPOSED: "Version {} waits for somebody else to approve it.",
    RuleSetStatus.IN_FORCE: "Version {} is in force: no policy asks for an approval.",
}


@require_safe
@login_required
def rules_page(request: HttpRequest, match_type_id: int) -> HttpResponse:
    """Every threshold in force, the versions, and what a waiting one changes."""
    actor = viewer(request)
    match_type = _match_type_seen_by(actor, match_type_id)
    return _page(request, match_type, _form(match_type, request.GET.get("version", "")))


@require_POST
@login_required
def change(request: HttpRequest, match_type_id: int) -> HttpResponse:
    """Try rules on a run (`try`), or propose them."""
    actor = viewer(request)
    match_type = _match_type_seen_by(actor, match_type_id)
    form = RulesForm(request.POST, match_type=match_type)
    if not form.is_valid():
        return _page(request, match_type, form, status=422)
    rules = form.cleaned_data["rules"]
    try:
        if "try" in request.POST:
            run = form.cleaned_data["run"]
            if run is None:
                form.add_error("run", "Choose the run to try them on.")
                return _page(request, match_type, form, status=422)
            tried = preview_rules(run_id=run.pk, rules=rules, actor=actor)
            return _page(request, match_type, form, tried=tried)
        known = rules_in_force(match_type)
        version = change_rules(
            match_type_id=match_type.pk,
            rules=rules,
            expected_version=form.cleaned_data["seen_version"],
            actor=actor,
        )
    except Refusal as refusal:
        complain(form, refusal)
        return _page(request, match_type, form, status=refusal.status)
    if version == known:
        messages.info(request, "These are the rules in force: nothing changed.")
    else:
        messages.success(request, _SAID[rule_set_status(version)].format(version.number))
    return redirect("reconciliation:rules", match_type.pk)


@require_POST
@login_required
def learned(request: HttpRequest, match_type_id: int) -> HttpResponse:
    """Propose what runs learned under the rules in force as weights that the rules give."""
    actor = viewer(request)
    match_type = _match_type_seen_by(actor, match_type_id)
    try:
        version = propose_learned(match_type_id=match_type.pk, actor=actor)
    except Refusal as refusal:
        messages.error(request, refusal.words)
    else:
        messages.success(request, _SAID[rule_set_status(version)].format(version.number))
    return redirect("reconciliation:rules", match_type.pk)


@require_POST
@login_required
def terms(request: HttpRequest, match_type_id: int) -> HttpResponse:
    """Say who works the breaks, by when, and what is carried on."""
    actor = viewer(request)
    match_type = _match_type_seen_by(actor, match_type_id)
    form = _terms_form(match_type, request.POST)
    if form.is_valid():
        facts = form.cleaned_data
        try:
            with transaction.atomic():
                set_terms(
                    match_type_id=match_type.pk,
                    owner_id=facts["owner"].pk if facts["owner"] else None,
                    sla_days=facts["sla_days"],
                    ageing_days=facts["ageing_days"],
                    actor=actor,
                )
                choose_carries(match_type_id=match_type.pk, carries=facts["carries"], actor=actor)
        except Refusal as refusal:
            messages.error(request, refusal.words)
        else:
            messages.success(request, "Noted for runs to come.")
    else:
        _tell_faults(request, form)
    return redirect("reconciliation:rules", match_type.pk)


@require_POST
@login_required
def resolution(request: HttpRequest, match_type_id: int) -> HttpResponse:
    """Propose a rule for small breaks, or retire one (`retire`)."""
    actor = viewer(request)
    match_type = _match_type_seen_by(actor, match_type_id)
    number = request.POST.get("retire", "")
    form = ResolutionForm(request.POST, auto_id="resolution_%s")
    try:
        if number.isascii() and number.isdigit() and len(number) < 10:
            rule = one_visible(match_type.resolution_rules.filter(number=int(number)))
            retire_resolution(rule_id=rule.pk, actor=actor)
            messages.success(request, f"Rule {rule.number} is retired.")
        elif form.is_valid():
            rule = propose_resolution(match_type_id=match_type.pk, actor=actor, **form.cleaned_data)
            messages.success(request, f"Rule {rule.number}: {rule.get_status_display().lower()}.")
        else:
            _tell_faults(request, form)
    except Refusal as refusal:
        messages.error(request, refusal.words)
    return redirect("reconciliation:rules", match_type.pk)


def _tell_faults(request: HttpRequest, form: Any) -> None:
    for name, problems in form.errors.items():
        label = form.fields[name].label if name in form.fields else "Form"
        messages.error(request, f"{label}: {' '.join(map(str, problems))}")


def _terms_form(match_type: MatchType, posted: Any) -> TermsForm:
    people = people_who_may(EXPLAIN_BREAK, entity_id=match_type.entity_id)
    initial = {
        "owner": match_type.owner_id,
        "sla_days": match_type.sla_days,
        "ageing_days": ", ".join(str(day) for day in match_type.ageing_days),
        "carries": match_type.carries,
    }
    return TermsForm(posted, auto_id="terms_%s", people=people, initial=initial)


def _match_type_seen_by(actor: Any, match_type_id: int) -> MatchType:
    return one_visible(match_types_for(actor).filter(pk=match_type_id))


def _form(match_type: MatchType, number: str) -> RulesForm:
    """Filled with the version asked for, or else with the rules shown."""
    versions = match_type.rule_sets.all()
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    asked = versions.filter(number=int(number)).first() if is_number else None
    rules = (asked or rules_shown(match_type)).rules
    live = match_type.runs.live().order_by("-ends_on").first()
    seen = newest_rules(match_type).number
    initial = {"rules": rules, "run": live, "seen_version": seen}
    return RulesForm(match_type=match_type, initial=initial)


def _page(
    request: HttpRequest,
    match_type: MatchType,
    form: RulesForm,
    *,
    tried: Preview | None = None,
    status: int = 200,
) -> HttpResponse:
    actor = actor_of(request)
    show_times_of(match_type.entity)
    in_force, shown = rules_in_force(match_type), rules_shown(match_type)
    lines = versions_of(match_type)
    waiting = next((line for line in lines if line.status == RuleSetStatus.PROPOSED), None)
    context = {
        "page_title": f"Rules: {match_type.name}",
        "breadcrumbs": [runs_link()],
        "match_type": match_type,
        "in_force": in_force,
        "shown": shown,
        "thresholds": thresholds(shown.rules),
        "learned": learned_under(shown),
        "lines": lines,
        "waiting": waiting,
        "changes": rule_changes(in_force.rules, waiting.version.rules)
        if waiting and in_force
        else [],
        "form": form,
        "may_propose": actor.may(MANAGE_MATCH_TYPES, match_type.entity_id),
        "may_try": actor.may(PREVIEW_RULES, match_type.entity_id),
        "terms": _terms_form(match_type, None),
        "resolutions": match_type.resolution_rules.select_related("created_by"),
        "resolution_form": ResolutionForm(
            auto_id="resolution_%s",
            initial={"currency": match_type.entity.functional_currency, "cause": "rounding"},
        ),
        "tried": tried,
        "tried_causes": [(cause_label(line.cause), line) for line in tried.causes] if tried else [],
    }
    return render(request, "reconciliation/rules.html", context, status=status)
