"""What the settings' faults become: errors of the system check, and the end of a server."""

from __future__ import annotations

import pytest
from django.core import checks as django_checks

from config import checks
from config.env import Problem

FAULTS = [
    Problem("REDIS_URL", "is not set", "set REDIS_URL=redis://host:6379/0"),
    Problem("MAIL_PORT", "is not a whole number", "for example MAIL_PORT=25"),
]


def test_a_sound_environment_lets_a_server_go_on() -> None:
    checks.refuse_to_start_misconfigured()


def test_a_server_ends_with_a_line_for_each_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "PROBLEMS", FAULTS)

    with pytest.raises(SystemExit) as ended:
        checks.refuse_to_start_misconfigured()

    assert ended.value.code == 78
    assert capsys.readouterr().err.splitlines() == [
        "finflow: REDIS_URL is not set; set REDIS_URL=redis://host:6379/0",
        "finflow: MAIL_PORT is not a whole number; for example MAIL_PORT=25",
    ]


def test_the_system_check_has_an_error_for_each_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PROBLEMS", FAULTS)

    found = django_checks.run_checks(tags=["settings"])

    assert [fault.id for fault in found] == ["finflow.E001", "finflow.E001"]
    assert all(fault.is_serious() for fault in found)


def test_a_key_ring_that_cannot_be_read_ends_a_server_too(
    settings: object, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.FINFLOW_KEY_RING = "1:short"  # type: ignore[attr-defined]

    with pytest.raises(SystemExit):
        checks.refuse_to_start_misconfigured()

    assert capsys.readouterr().err.startswith("finflow: FINFLOW_KEY_RING is malformed: key 1 is")
