"""What the page of a task says of its attempts and its history: words, no data structures."""

from __future__ import annotations

from pathlib import Path
from re import findall
from typing import Any

import pytest
from django.conf import settings

from apps.close import views
from apps.close.models import CloseRun, CloseTask
from apps.common.errors import Refusal
from tests.close.conftest import Steps, deliver

SHA256 = "db1a879f1087" + "0" * 52


@pytest.mark.parametrize(
    ("summary", "facts"),
    [
        ({}, []),
        ({"gross_percent": "0.4795"}, [("Gross percent", "0.4795")]),
        ({"lines": 2707, "run": 2707}, [("Lines", "2,707"), ("Run", "2707")]),
        ({"entries": [3302, 3303], "none": []}, [("Entries", "3302; 3303"), ("None", "none")]),
        ({"locked": True, "early": False}, [("Locked", "yes"), ("Early", "no")]),
        ({"sha256": SHA256}, [("Sha256", "db1a879f1087…")]),
        ({"causes": {"fee": 4, "rate_change": 3}}, [("Causes", "fee 4, rate change 3")]),
        (
            {"files": {"gl_extract": {"lines": 2707, "control_totals": {"EUR": "-2182259.28"}}}},
            [("Files, gl_extract", "lines 2,707, control totals EUR \N{MINUS SIGN}2,182,259.28")],
        ),
    ],
)
def test_what_an_attempt_found_is_told_in_words(
    summary: dict[str, Any], facts: list[tuple[str, str]]
) -> None:
    assert views._facts(summary) == facts


def test_every_event_of_a_task_has_words() -> None:
    services = Path(settings.BASE_DIR / "apps/close/services").glob("*.py")
    verbs = {
        verb
        for path in services
        for verb in findall(r'"close\.task\.([a-z]+)"|: "(?:complete|submit)"', path.read_text())
        if verb
    }
    assert verbs >= {"ready", "start", "fail", "return", "block"}
    assert verbs <= set(views._EVENTS)


def test_the_history_starts_with_what_happened_last(
    run: CloseRun, client: Any, alice: Any, otto: Any, steps: Steps
) -> None:
    def refuse(context: Any) -> Any:
        raise Refusal("The statement does not tie.")

    steps.by_key["bank"] = refuse
    deliver()
    client.force_login(otto)
    bank = CloseTask.objects.get(run=run, key="bank")
    shown = client.get(f"/close/tasks/{bank.pk}/").content.decode()
    assert shown.index("could not finish it") < shown.index("started an attempt")
    assert "close.task." not in shown
    client.force_login(alice)  # who may not read the audit trail
    assert "<h2>History</h2>" not in client.get(f"/close/tasks/{bank.pk}/").content.decode()


def test_a_finished_task_says_when(run: CloseRun, client: Any, alice: Any) -> None:
    deliver()
    client.force_login(alice)
    done = CloseTask.objects.filter(run=run, status="completed").order_by("pk").first()
    assert done is not None
    shown = client.get(f"/close/tasks/{done.pk}/").content.decode()
    answer = shown[shown.index('class="answer"') :].partition("</p>")[0]
    assert "Completed" in answer
    assert f'datetime="{done.completed_at.isoformat(timespec="seconds")}"' in answer
