"""What fuzzy passes learn: kept with the run, taken by later ones, proposed as rules by people."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from apps.approvals.services import define_policy
from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.ingestion.services import import_file
from apps.reconciliation.errors import NothingLearned
from apps.reconciliation.models import LearnedWeights, MatchGroup, Run
from apps.reconciliation.selectors import (
    learned_of,
    learned_under,
    rule_changes,
    rule_set_status,
    rules_in_force,
)
from apps.reconciliation.services import change_rules, preview_rules, propose_learned
from tests.reconciliation.conftest import MAY, RULES, Pair

NAMES = ["Amber", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Grove", "Heath", "Islet", "Juniper"]
FUZZY: dict[str, Any] = {
    "version": "fuzzy",
    "passes": [
        {
            "name": "Names",
            "kind": "fuzzy",
            "keys": [],
            "date_window": {"before_days": 3, "after_days": 3},
            "likeness": {"fields": ["counterparty"], "automatic": "0.99", "suggested": "0.6"},
        },
        {"name": "Reference", "kind": "exact", "keys": ["reference"]},
    ],
}


def bring(pair: Pair, side: str, *names: str, month: str = "2023-04", day: int = 10) -> None:
    """Import lines of 10.00, each with a name and no reference."""
    rows = ["id,account,date,amount,currency,reference,who"]
    rows += [f"{name}-{day},1000,{month}-{day:02},10.00,EUR,,{name}" for name in names]
    outcome = import_file(
        source_id=getattr(pair, side).pk,
        filename=f"{side}-{month}-{day}.csv",
        content="\n".join(rows).encode(),
        actor=pair.actor,
    )
    assert outcome.batch is not None


@pytest.fixture
def fuzzy(pair: Pair, connie: User) -> Pair:
    """The bank against the ledger by names alone, weights to be learned."""
    change_rules(match_type_id=pair.match_type.pk, rules=FUZZY, actor=connie)
    return pair


@pytest.fixture
def taught(fuzzy: Pair) -> Run:
    """A run over ten names that are spelt otherwise on the other side, and one without match."""
    bring(fuzzy, "left", *(f"{name} Trading" for name in NAMES), "Quartz")
    bring(fuzzy, "right", *(f"{name} Trading Plc" for name in NAMES))
    run = fuzzy.run()
    assert (run.group_count, run.rule_set.number) == (10, 2)
    return run


def told(run: Run) -> set[tuple[frozenset[int], tuple[str, ...]]]:
    """Every match of a run by its records, with its reasons."""
    return {
        (
            group.record_ids,
            tuple(group.reasons),
        )
        for group in MatchGroup.objects.filter(run=run)
    }


def test_what_a_run_learned_is_kept_with_it(taught: Run) -> None:
    (learned,) = learned_of(taught)
    assert (learned.run, learned.rule_set, learned.pass_name) == (taught, taught.rule_set, "Names")
    assert float(learned.weights["counterparty"]["close"]) > 0
    event = Event.objects.get(action="reconciliation.run.learn")
    assert event.details["weights"] == {"Names": learned.weights}
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        LearnedWeights.objects.update(pass_name="x")


def test_later_runs_take_what_was_learned_first(taught: Run, fuzzy: Pair) -> None:
    bring(fuzzy, "left", "Quartz Holding", month="2023-05")
    bring(fuzzy, "right", "Quartz Holding Plc", month="2023-05")
    may = fuzzy.run(**MAY)
    assert learned_under(may.rule_set) == learned_of(may) == learned_of(taught)
    assert LearnedWeights.objects.count() == 1
    weight = float(learned_of(taught)[0].weights["counterparty"]["close"])
    assert f"(weight {weight:.1f})" in may.groups.get().reasons[0]


def test_a_run_over_the_same_items_is_not_repeated(taught: Run, fuzzy: Pair) -> None:
    assert fuzzy.start() == taught


def test_a_rerun_changes_nothing_of_what_was_matched(taught: Run, fuzzy: Pair) -> None:
    """A stranger's line would change the estimate: what is matched stays with its reasons."""
    before = told(taught)
    bring(fuzzy, "right", "Totally Unrelated", "Another Trading Co", day=11)
    again = fuzzy.run()
    assert again != taught
    assert before <= told(again)
    assert learned_of(again)[0].run == taught


def test_a_run_without_candidates_teaches_nothing(fuzzy: Pair) -> None:
    bring(fuzzy, "left", "Amber Trading")
    empty = fuzzy.run()
    assert learned_of(empty) == []
    bring(fuzzy, "left", *NAMES, month="2023-05")
    bring(fuzzy, "right", *NAMES, month="2023-05")
    may = fuzzy.run(**MAY)
    assert learned_of(may)[0].run == may
    assert learned_of(empty) == []  # it was over before


def test_another_version_of_the_rules_learns_anew(taught: Run, fuzzy: Pair, connie: User) -> None:
    change_rules(
        match_type_id=fuzzy.match_type.pk, rules={**FUZZY, "version": "anew"}, actor=connie
    )
    again = fuzzy.run()
    assert [each.run for each in LearnedWeights.objects.order_by("pk")] == [taught, again]
    assert told(again) == told(taught)


def test_a_queued_run_has_learned_what_is_known(taught: Run, fuzzy: Pair) -> None:
    assert learned_of(fuzzy.start(**MAY)) == learned_of(taught)


def test_a_preview_of_the_same_rules_goes_by_what_was_learned(
    taught: Run, fuzzy: Pair, alice: User
) -> None:
    bring(fuzzy, "left", "Quartz Holding", month="2023-05")
    bring(fuzzy, "right", "Quartz Holding Plc", *NAMES, month="2023-05")
    may = fuzzy.run(**MAY)
    assert preview_rules(run_id=may.pk, rules=FUZZY, actor=alice).is_same
    learnt_anew = preview_rules(run_id=may.pk, rules={**FUZZY, "version": "anew"}, actor=alice)
    assert (learnt_anew.groups_before, learnt_anew.groups_after) == (1, 0)


# --- Learned weights as rules -------------------------------------------------------------------


@pytest.fixture
def policy(entity: Any, connie: User) -> None:
    define_policy(
        entity_id=entity.pk,
        item_type="matching_rules",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )


def test_learned_weights_become_rules_only_by_a_proposal(
    taught: Run, fuzzy: Pair, connie: User, policy: None
) -> None:
    assert rules_in_force(fuzzy.match_type).rules == FUZZY
    version = propose_learned(match_type_id=taught.match_type_id, actor=connie)
    assert (version.number, rule_set_status(version)) == (3, "proposed")
    changed = rule_changes(FUZZY, version.rules)
    assert {change.path.split(".weights.")[0] for change in changed} == {"passes[1].likeness"}
    given = version.rules["passes"][0]["likeness"]["weights"]
    assert given == learned_of(taught)[0].weights
    assert rules_in_force(fuzzy.match_type) == taught.rule_set
    assert propose_learned(match_type_id=taught.match_type_id, actor=connie) == version


def test_given_weights_match_as_the_learned_ones_did(
    taught: Run, fuzzy: Pair, connie: User
) -> None:
    version = propose_learned(match_type_id=taught.match_type_id, actor=connie)
    assert rule_set_status(version) == "in_force"
    again = fuzzy.run()
    assert told(again) == told(taught)
    assert learned_of(again) == []


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotPermitted),
        ("rita", NotPermitted),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ada", NotPermitted),
        ("ivy", NotPermitted),
        ("charlie", NotVisible),
        ("victor", NotVisible),
    ],
)
def test_who_may_not_propose_them(
    who: str, refusal: type[Refusal], request: Any, taught: Run, table_counts: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        propose_learned(match_type_id=taught.match_type_id, actor=actor)
    assert table_counts() == before


def test_nothing_learned_is_nothing_to_propose(april: Run, connie: User, table_counts: Any) -> None:
    before = table_counts()
    with pytest.raises(NothingLearned):
        propose_learned(match_type_id=april.match_type_id, actor=connie)
    assert table_counts() == before


# --- Doors --------------------------------------------------------------------------------------


def test_the_pages_say_which_weights_are_taken(
    taught: Run, fuzzy: Pair, visit: Any, connie: User, otto: User
) -> None:
    bring(fuzzy, "left", "Quartz Holding", month="2023-05")
    may = fuzzy.run(**MAY)
    own = visit(otto).get(f"/reconciliations/{taught.pk}/").content.decode()
    assert "Weights of Names" in own
    assert "learned by this run" in own
    assert f'learned by the <a href="/reconciliations/{taught.pk}/">' in (
        visit(otto).get(f"/reconciliations/{may.pk}/").content.decode()
    )
    url = f"/reconciliations/rules/{fuzzy.match_type.pk}/"
    page = visit(connie).get(url).content.decode()
    assert learned_of(taught)[0].weights["counterparty"]["close"] in page
    assert "Propose them as given weights" in page
    assert "Propose them as given weights" not in visit(otto).get(url).content.decode()
    done = visit(connie).post(f"{url}learned/", follow=True)
    assert b"Version 3 is in force" in done.content
    again = visit(connie).post(f"{url}learned/", follow=True)
    assert b"No run learned any weights under these rules." in again.content


def test_rest_lists_them_with_their_version(taught: Run, fuzzy: Pair, api: Any, bob: User) -> None:
    listed = api(bob).get(f"/api/reconciliation/match-types/{fuzzy.match_type.pk}/rules").json()
    (learned,) = listed[0]["learned"]
    assert (learned["pass_name"], learned["run"]) == ("Names", taught.pk)
    assert learned["weights"] == learned_of(taught)[0].weights
    assert listed[1]["rules"] == RULES
    assert listed[1]["learned"] == []
