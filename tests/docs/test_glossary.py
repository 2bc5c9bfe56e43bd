"""One word for each concept: every model is in the glossary, and every place in it exists."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import Model
from simple_history.models import HistoricalChanges

from tests.docs.test_pages import named

GLOSSARY = Path(settings.BASE_DIR) / "docs" / "reference" / "glossary.md"
ROW = re.compile(r"^\| \*\*([^*|]+)\*\*[^|]*\| ([^|]+) \| `([\w.]+)` \|$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A row of the glossary."""

    word: str
    meaning: str
    place: str


def entries_in(text: str) -> list[Entry]:
    return [Entry(*(cell.strip() for cell in row)) for row in ROW.findall(text)]


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return entries_in(GLOSSARY.read_text("utf-8"))


MODELS = [
    model
    for config in apps.get_app_configs()
    if config.name.startswith("apps.")
    for model in config.get_models()
    if not issubclass(model, HistoricalChanges)
]


def is_described(model: type[Model], entries: list[Entry]) -> bool:
    """A row names the model's place, and its word is, or ends in, what Django calls the model."""
    package, _, _ = model.__module__.partition(".models")  # where it is imported from
    place = f"{package}.models.{model.__name__}"
    called = str(model._meta.verbose_name).lower()
    return any(
        entry.place == place and f" {entry.word.lower()}".endswith(f" {called}")
        for entry in entries
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_model_is_in_it_by_its_name(model: type[Model], entries: list[Entry]) -> None:
    assert is_described(model, entries), (
        f"{model._meta.label} ({model._meta.verbose_name}) is not in {GLOSSARY.name}"
    )


def test_every_row_can_be_read(entries: list[Entry]) -> None:
    lines = GLOSSARY.read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| **")]

    assert len(rows) == len(entries) > len(MODELS)


def test_a_word_stands_once(entries: list[Entry]) -> None:
    counted = Counter(entry.word.lower() for entry in entries)

    assert [word for word, times in counted.items() if times > 1] == []


def test_every_place_exists(entries: list[Entry]) -> None:
    for entry in entries:
        assert named(entry.place) is not None, entry


@pytest.mark.parametrize(
    ("row", "is_there"),
    [
        ("| **account** | A line. | `apps.ledger.models.Account` |", True),
        ("| **ledger account** | A line. | `apps.ledger.models.Account` |", True),
        ("| **konto** | A line. | `apps.ledger.models.Account` |", False),
        ("| **account** | A line. | `apps.ledger.models.Period` |", False),
        ("", False),
    ],
)
def test_a_model_without_its_row_is_found(row: str, is_there: bool) -> None:
    assert is_described(apps.get_model("ledger", "Account"), entries_in(row)) is is_there
