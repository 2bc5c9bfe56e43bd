"""The practice company's months as people see them who may not read names."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.ingestion.models import Record
from apps.ingestion.selectors import records_named
from apps.reconciliation.selectors import evidence_shown, reason_shown, reasons_shown
from tests.reconciliation.conftest import CODES, MONTHS, Practice

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("month", "code"), [(month, code) for month in MONTHS for code in CODES])
def test_no_name_of_the_practice_company_is_told(
    practice: Practice, person: Callable[..., Any], month: str, code: str
) -> None:
    """Whoever may not read names finds none in a reason or the evidence of a month."""
    run = practice.runs[month, code]
    otto = person("olga", "auditor", on=run.entity)
    sources = (run.match_type.left_source, run.match_type.right_source)
    ids = list(Record.objects.filter(source__in=sources).values_list("pk", flat=True))
    frame = records_named(source_ids=[each.pk for each in sources], record_ids=ids)
    names = {*frame["counterparty"], *frame["narrative"]}
    for attributes in frame["attributes"].unique():
        names.update(str(value) for value in json.loads(attributes or "{}").values())
    secrets = {name for name in names if len(name) > 6 and any(map(str.isalpha, name))}
    secrets -= {*frame["reference"], *frame["external_id"]}
    told = [
        text
        for group in run.groups.select_related("run")
        for text in reasons_shown(group, actor=otto)
    ]
    for broken in run.breaks.select_related("run"):
        told += [reason_shown(broken, actor=otto), str(evidence_shown(broken, actor=otto))]
    everything = "\n".join(told)
    assert len(told) > 10
    assert not [name for name in secrets if name in everything]
