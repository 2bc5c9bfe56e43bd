"""bin/test runs every step, whatever fails, and its status tells."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from apps.operations.embedded import EmbeddedUnavailable
from apps.operations.embedded.folders import CHECKOUT

pytestmark = pytest.mark.embedded

GOOD = ("-c", "pass")
BAD = ("-c", "raise SystemExit(3)")


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("checks", CHECKOUT / "bin" / "_checks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "checks", module)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings.test")
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ensure_environment", lambda name: None)
    return module


def test_a_failed_step_does_not_hide_the_others(
    checks: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    last = ("-c", "print('the last step ran')")
    monkeypatch.setattr(checks, "STEPS", {"first": BAD, "second": GOOD, "third": last})

    assert checks.main([]) == 1

    output = capfd.readouterr().out
    assert "the last step ran" in output
    summary = output.split("== summary\n")[1].splitlines()
    assert [line.split()[0] for line in summary] == ["first", "second", "third"]
    assert [line.split()[-1] for line in summary] == ["failed", "ok", "ok"]


def test_when_every_step_passes_so_does_the_whole(
    checks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "STEPS", {"first": GOOD, "second": GOOD})
    assert checks.main([]) == 0


def test_arguments_go_to_pytest_alone(
    checks: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "PYTEST", ("-c", "import sys; print(sys.argv[1:])"))
    assert checks.main(["-k", "ledger"]) == 0
    assert capfd.readouterr().out == "['-k', 'ledger']\n"


def test_without_servers_it_says_why(
    checks: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str) -> None:
        raise EmbeddedUnavailable(f"no room for {name}")

    monkeypatch.setattr(checks, "ensure_environment", refuse)
    assert checks.main([]) == 1
    assert capfd.readouterr().err == "finflow: no room for test\n"
