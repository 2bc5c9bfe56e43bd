"""Reference pages follow from the source: what is not described, or no longer true, fails here."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command, get_commands
from django.utils.module_loading import module_has_submodule

import finflow
from apps.common.errors import Refusal
from apps.operations.reference import PAGES, built_pages, page_folder
from apps.operations.reference.actions_page import RecordedAction, _actions_in, recorded_actions
from apps.operations.reference.commands_page import _arguments, load_command_class
from apps.operations.reference.errors_page import refusals
from apps.operations.reference.markdown import table
from apps.operations.reference.settings_page import AROUND, MEANINGS, settings_read
from apps.operations.reference.source import SourceFile, first_sentence, source_files


@pytest.fixture(scope="module")
def built() -> dict[str, str]:
    return built_pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_the_source_says(built: dict[str, str], name: str) -> None:
    assert (page_folder() / name).read_text("utf-8") == built[name], (
        "run bin/finflow build_reference"
    )


def test_it_is_built_the_same_twice(built: dict[str, str]) -> None:
    assert built_pages() == built


def test_the_command_writes_every_page(
    built: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    here = "apps.operations.management.commands"
    monkeypatch.setattr(f"{here}.build_reference.page_folder", lambda: tmp_path)
    monkeypatch.setattr(f"{here}.build_schema.schema_file", lambda: tmp_path / "openapi.yaml")

    call_command("build_reference")

    assert {path.name for path in tmp_path.iterdir()} == {*PAGES, "openapi.yaml"}
    assert (tmp_path / "settings.md").read_text("utf-8") == built["settings.md"]


class TestSettings:
    def test_every_variable_that_is_read_is_explained_and_no_other(self) -> None:
        assert {one.name for one in settings_read()} == set(MEANINGS)

    def test_so_is_every_variable_of_ours_outside_the_settings(self, root: Path) -> None:
        named = set()
        for folder in ("apps", "bin", "config", "finflow"):
            for path in (root / folder).rglob("*"):
                if path.suffix in {".py", ""} and path.is_file() and "reference" not in path.parts:
                    named |= set(re.findall(r"\bFINFLOW_[A-Z_]+\b", path.read_text("utf-8")))

        assert named - {"FINFLOW_EMBEDDED_VARIABLES"} <= {*MEANINGS, *AROUND}
        assert {name for name in AROUND if name.startswith("FINFLOW_")} <= named

    def test_defaults_are_written_for_people(self, built: dict[str, str]) -> None:
        page = built["settings.md"]

        assert "`var/media`" in page
        assert f"`{512 * 1024 * 1024}`" in page
        assert "BASE_DIR" not in page


class TestPermissions:
    def test_every_permission_that_an_app_names_is_held_by_somebody(self) -> None:
        for config in apps.get_app_configs():
            if not config.name.startswith("apps."):
                continue
            if module_has_submodule(config.module, "permissions"):
                module = import_module(f"{config.name}.permissions")
                named = {
                    value
                    for name, value in vars(module).items()
                    if name.isupper() and isinstance(value, str) and "." in value
                }
                assert named == set(module.HOLDERS)
                assert all(module.HOLDERS.values())


class TestErrors:
    def test_a_code_has_one_status(self) -> None:
        statuses = defaultdict(set)
        for refusal in refusals():
            statuses[refusal.code].add(refusal.status)

        assert {code: found for code, found in statuses.items() if len(found) > 1} == {}

    def test_a_refusal_says_when_it_happens_and_what_it_is(self) -> None:
        for refusal in refusals():
            assert first_sentence(refusal.__doc__), refusal
            assert re.fullmatch(r"[A-Z][A-Z0-9_]+", refusal.code), refusal
            assert refusal.message, refusal
            assert 400 <= refusal.status < 500, refusal

    def test_refusals_of_every_kind_of_module_are_found(self) -> None:
        modules = {refusal.__module__ for refusal in refusals()}

        assert {
            "apps.ledger.errors",
            "apps.ingestion.formats.errors",
            "apps.close.handlers.books",
            "apps.practice.services.loading",
        } <= modules
        assert Refusal in refusals()


class TestActions:
    def test_an_action_names_its_app_a_noun_and_a_verb(self) -> None:
        labels = {config.label for config in apps.get_app_configs()}

        for recorded in recorded_actions():
            assert recorded.action.partition(".")[0] in labels
            assert len(recorded.action.split(".")) in {3, 4}

    def test_every_call_of_record_is_among_them(self) -> None:
        """Counted apart from the page: whatever the source writes out after `action=`."""
        written = {
            action
            for file in source_files("apps")
            for action in re.findall(
                r'record\((?:[^()]|\([^()]*\))*?action="([a-z_.]+)"', file.path.read_text("utf-8")
            )
        }

        assert len(written) > 40
        assert written <= {recorded.action for recorded in recorded_actions()}

    def test_words_are_looked_up_and_what_cannot_be_is_left_open(self, tmp_path: Path) -> None:
        path = tmp_path / "services.py"
        path.write_text(
            '''
VERBS = {1: "open", 2: "shut"}

def move(door, wanted, verb):
    """Open or shut it. Not both."""
    record(action=f"house.door.{VERBS[wanted]}")
    record(action="house.door.paint" if verb else "house.door.hang")
    _note(door, f"house.lock.{verb}")
    Event.objects.filter(action="house.door.never")

def _note(door, action):
    record(action=action, place=f"{door}")
'''
        )

        assert sorted(set(_actions_in(SourceFile("apps.house.services", path)))) == [
            RecordedAction(action, "house.services.move", "Open or shut it")
            for action in (
                "house.door.hang",
                "house.door.open",
                "house.door.paint",
                "house.door.shut",
                "house.lock.<verb>",
            )
        ]


class TestCommands:
    def test_every_command_and_argument_of_ours_is_explained(self) -> None:
        ours = {name: app for name, app in get_commands().items() if str(app).startswith("apps.")}

        assert {"demo", "up", "load_practice", "add_administrator", "build_schema"} <= set(ours)
        for name, app in ours.items():
            command = load_command_class(app, name)
            assert command.help, name
            assert all(argument.help for argument in _arguments(command)), name


class TestPython:
    def test_every_public_name_is_on_its_page(self, root: Path) -> None:
        page = (root / "docs/reference/python.md").read_text("utf-8")

        assert [name for name in finflow.__all__ if f"`{name}" not in page] == []

    def test_every_public_name_explains_itself(self) -> None:
        for name in set(finflow.__all__) - {"__version__"}:
            assert getattr(finflow, name).__doc__, name


class TestMarkdown:
    def test_a_cell_stays_on_its_line_and_in_its_column(self) -> None:
        assert table(["a|b"], [["one\ntwo"]]).splitlines() == [
            "| a\\|b |",
            "| --- |",
            "| one two |",
        ]

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            (None, ""),
            ("One. Two.", "One"),
            ("One\nline.\n\nMore.", "One line"),
            ("Version 1.5 is it.", "Version 1.5 is it"),
        ],
    )
    def test_the_first_sentence_of_a_docstring(self, text: str | None, sentence: str) -> None:
        assert first_sentence(text) == sentence
