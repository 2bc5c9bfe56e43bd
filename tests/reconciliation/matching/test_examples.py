"""The worked examples of docs/reference/matching-rules.md come out as they are written there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from apps.reconciliation.matching import RuleSet, reconcile
from apps.reconciliation.matching.money import amount_text
from tests.reconciliation.matching.making import AS_OF, causes, grouped, item, items

PAGE = Path(__file__).resolve().parents[3] / "docs/reference/matching-rules.md"
_FIELDS = {"reference", "counterparty", "narrative", "account", "external_id", "currency"}


def _tables(text: str) -> list[list[dict[str, str]]]:
    """Every table of a section, each row by its headings."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [
            [cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in block.splitlines()
        ]
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def _examples() -> list[tuple[str, dict, list[dict], list[dict]]]:
    """Each section with rules: its title, the rules, the items, and what has to come of them."""
    examples = []
    for section in re.split(r"^#{2,3} ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        if rules := re.search(r"```json rules\n(.*?)```", section, re.DOTALL):
            given, *expected = _tables(section)
            rows = [row for table in expected for row in table]
            examples.append((section.splitlines()[0], json.loads(rules[1]), given, rows))
    return examples


def _item(row: dict[str, str]) -> dict:
    texts = {name: value for name, value in row.items() if name in _FIELDS and value}
    others = {
        name: value
        for name, value in row.items()
        if name not in {*_FIELDS, "item", "booked", "amount"} and value
    }
    return item(
        int(row["item"][1:]), row["amount"], int(row["booked"]), **texts, attributes=others or ""
    )


EXAMPLES = _examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_an_example_comes_out_as_it_is_written(example):
    _, raw, given, expected = example
    sides = [[_item(row) for row in given if row["item"][0] == side] for side in "LR"]
    result = reconcile(*(items(*side) for side in sides), RuleSet.from_mapping(raw), as_of=AS_OF)
    assert result.proof_amount == 0
    groups = [
        {
            "group": members,
            "pass": row["pass_name"],
            "status": row["status"],
            "difference": amount_text(row["difference"], row["currency"]),
            "made of": ", ".join(
                f"{part['kind']} {part['amount']}" for part in json.loads(row["difference_parts"])
            ),
            "reasons": "; ".join(json.loads(row["reasons"])),
        }
        for members, row in zip(grouped(result), result.groups.iter_rows(named=True), strict=True)
    ]
    wanted = [row for row in expected if "group" in row]
    assert [{name: row[name] for name in wanted[0]} for row in groups] == wanted
    held = {" ".join(held): cause for cause, found in causes(result).items() for _, held in found}
    assert held == {row["break"]: row["cause"] for row in expected if "break" in row}


def test_every_kind_of_pass_has_an_example():
    from apps.reconciliation.matching.pass_rules import PASS_KINDS

    shown = {step["kind"] for _, rules, _, _ in EXAMPLES for step in rules["passes"]}
    assert shown == set(PASS_KINDS)
