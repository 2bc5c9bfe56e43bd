"""The configuration files: close template, reconciliations, sources, people."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from graphlib import TopologicalSorter

import pytest

from tests.practice.company.plain_reader import FIXTURES, MONTHS, load, rows_of, truth

ORDER = [
    ("data_collection", "ingestion.collect"),
    ("validation", "ingestion.validate"),
    ("ledger_posting", "ledger.post_extract"),
    ("preliminary_trial_balance", "ledger.trial_balance"),
    ("gl_erp_reconciliation", "reconciliation.run"),
    ("bank_gl_reconciliation", "reconciliation.run"),
    ("gateway_reconciliation", "reconciliation.run"),
    ("job_revenue_reconciliation", "reconciliation.run"),
    ("break_classification", "reconciliation.classify"),
    ("variance_check", "reconciliation.variance"),
    ("adjusting_entries", "reconciliation.propose_adjustments"),
    ("reconciliation_approval", "reconciliation.request_approval"),
    ("anomaly_scoring", "analytics.score"),
    ("journal_approval", "ledger.request_approval"),
    ("final_trial_balance", "ledger.trial_balance"),
    ("evidence_package", "reporting.evidence"),
    ("period_lock", "ledger.lock_period"),
]
SEED_KEYS = {"id", "name", "dependencies", "automation", "duration_estimate"}


def _tasks() -> dict[str, dict]:
    return {task["id"]: task for task in load("close_template.json")["tasks"]}


def test_the_close_has_exactly_the_seventeen_tasks():
    tasks = load("close_template.json")["tasks"]
    assert [(task["id"], task["handler"]) for task in tasks] == ORDER
    assert len(tasks) == 17
    for task in tasks:
        assert task.keys() == SEED_KEYS | {"handler", "parameters", "deadline", "owner_role"}
        assert isinstance(task["automation"], bool)
        assert task["duration_estimate"] > 0


def test_the_tasks_form_one_graph_from_collection_to_lock():
    graph = {name: task["dependencies"] for name, task in _tasks().items()}
    order = list(TopologicalSorter(graph).static_order())
    assert order[0] == "data_collection"
    assert order[-1] == "period_lock"
    assert set(order) == set(graph)


def test_no_task_is_due_before_one_it_waits_for():
    tasks = _tasks()

    def due(task: dict) -> tuple[int, str]:
        return task["deadline"]["business_days_after_period_end"], task["deadline"]["time"]

    for task in tasks.values():
        for dependency in task["dependencies"]:
            assert due(tasks[dependency]) <= due(task)


def test_only_people_s_decisions_are_not_automatic():
    by_hand = {name for name, task in _tasks().items() if not task["automation"]}
    assert by_hand == {"reconciliation_approval", "journal_approval"}


def test_each_reconciliation_task_runs_one_match_type():
    runs = [task for task in _tasks().values() if task["handler"] == "reconciliation.run"]
    codes = [one["code"] for one in load("match_types.json")["match_types"]]
    assert [task["parameters"]["match_type"] for task in runs] == codes


def test_a_match_type_has_an_exact_pass_before_a_tolerance_pass():
    for one in load("match_types.json")["match_types"]:
        exact, tolerance = one["rules"]["passes"]
        assert (exact["kind"], tolerance["kind"]) == ("exact", "tolerance")
        assert "tolerance" not in exact
        assert exact["date_window"] == {"before_days": 0, "after_days": 0, "unit": "calendar"}
        assert Decimal(tolerance["tolerance"]["absolute"]) > 0
        assert one["rules"]["sides"]["right_sign"] in {1, -1}


def test_match_types_and_collection_name_known_sources():
    sources = {one["code"] for one in load("sources.json")["sources"]}
    assert set(_tasks()["data_collection"]["parameters"]["sources"]) <= sources
    for one in load("match_types.json")["match_types"]:
        assert {one["left"]["source"], one["right"]["source"]} <= sources


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("code", [one["code"] for one in load("sources.json")["sources"]])
def test_every_source_can_be_read_by_its_description(code, month):
    rows = rows_of(code, month)
    assert rows
    assert {f"{row.booked_on:%Y-%m}" for row in rows} == {month}
    assert {row.currency for row in rows} == {"EUR"}
    assert all(row.external_id and row.account for row in rows)


def test_people_have_the_seven_roles_and_no_password():
    users = load("users.json")["users"]
    roles = sorted(user["role"] for user in users)
    assert roles == [
        "administrator", "approver", "approver", "auditor", "controller", "integration",
        "preparer", "preparer", "reviewer",
    ]  # fmt: skip
    assert len({user["username"] for user in users}) == len(users)
    for user in users:
        assert user.keys() == {"username", "first_name", "last_name", "email", "role"}
        assert user["email"] == f"{user['username']}@example.com"


def test_the_entity_is_complete_and_its_account_number_has_true_check_digits():
    entity = load("entity.json")
    assert (entity["code"], entity["functional_currency"]) == ("HFS", "EUR")
    assert entity["zone"] == "Europe/Amsterdam"
    assert [period["code"] for period in entity["periods"]] == list(MONTHS)
    iban = entity["bank_account"]["iban"]
    assert int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def test_every_amount_in_the_job_export_is_text():
    for month in MONTHS:
        text = (FIXTURES / month / "client_jobs.json").read_text(encoding="utf-8")
        assert all(isinstance(v, str) for job in json.loads(text)["jobs"] for v in job.values())


def test_the_documentation_quotes_the_truth():
    """The sizes and the planted causes in the documentation are those of the files."""
    page = (FIXTURES.parents[1] / "docs" / "reference" / "practice-company.md").read_text("utf-8")
    truths = [truth(month) for month in MONTHS]
    variances = [one["match_types"]["jobs_revenue"]["variance_percent"] for one in truths]
    for label, values in {
        "Journal entries": [f"{one['ledger']['entry_count']:,}" for one in truths],
        "Ledger lines": [f"{one['ledger']['line_count']:,}" for one in truths],
        "Bank statement lines": [str(one["bank_statement"]["line_count"]) for one in truths],
        "Planted breaks": [str(len(one["breaks"])) for one in truths],
        "Revenue variance, net": [f"{variance}%" for variance in variances],
    }.items():
        assert f"| {label} | {' | '.join(values)} |" in page


@pytest.mark.parametrize("month", MONTHS)
def test_the_documentation_counts_the_planted_causes(month):
    page = (FIXTURES.parents[1] / "docs" / "reference" / "practice-company.md").read_text("utf-8")
    codes = [one["code"] for one in load("match_types.json")["match_types"]]
    counts = Counter(
        (one["cause"], one["match_type"], one["is_awaited"]) for one in truth(month)["breaks"]
    )
    for cause in {cause for cause, *_ in counts}:
        cells = [(counts[cause, code, False], counts[cause, code, True]) for code in codes]
        if cause == "timing":
            row = " | ".join(f"{plain} ({awaited})" for plain, awaited in cells)
            assert f"| timing (awaited) | {row} |" in page
        else:
            row = "".join(f" {plain or ''} |".replace("  ", " ") for plain, _ in cells)
            assert f"| {cause} |{row}" in page
