"""States as words and icons, and the characters in which two texts differ."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.states import Disposition
from apps.approvals.states import RequestStatus
from apps.approvals.states import Verdict as GivenVerdict
from apps.close.states import AttemptStatus, TaskStatus
from apps.close.states import RunStatus as CloseRunStatus
from apps.common.templatetags import finflow
from apps.common.templatetags.finflow import Status, icon, status, verdict_given
from apps.common.texts import differing
from apps.compliance.states import Verdict
from apps.ingestion.states import PullStatus
from apps.ledger.states import EntryStatus, PeriodStatus
from apps.outbound.states import DeliveryStatus, EndpointStatus, MessageStatus
from apps.reconciliation.states import BreakState, ReviewStatus, RunStatus

ROOT = Path(settings.STATICFILES_DIRS[0]).parent
SPRITE = (ROOT / "static/finflow/icons.svg").read_text()
ICONS = set(re.findall(r'<symbol id="([^"]+)"', SPRITE))
TONES = {"ok", "warn", "bad", "info", "idle"}


def test_every_state_has_a_word_a_tone_and_an_icon_that_exists() -> None:
    shown = [*finflow._STATUSES.values(), *finflow._STATUSES_OF_A_KIND.values()]
    assert {each.tone for each in shown} <= TONES
    assert {each.icon for each in shown} <= ICONS
    assert all(each.word for each in shown)


def test_every_icon_that_a_template_names_exists() -> None:
    named = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r'{% icon "([^"]+)"', path.read_text())
    }
    assert named
    assert named <= ICONS


def test_the_kind_decides_where_a_word_means_two_things() -> None:
    assert status("open", "break") == Status("Open", "warn", "not-equal")
    assert status("open").tone == "info"
    assert status("completed", "break") == status("completed")


STATES = [
    ("request", RequestStatus),
    ("task", TaskStatus),
    ("pull", PullStatus),
    ("endpoint", EndpointStatus),
    ("delivery", DeliveryStatus),
    ("message", MessageStatus),
    ("", CloseRunStatus),
    ("", AttemptStatus),
    ("", PeriodStatus),
    ("", EntryStatus),
    ("", RunStatus),
    ("", BreakState),
    ("break", ReviewStatus),
    ("anomaly", Disposition),
    ("package", Verdict),
]


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        *((kind, state) for kind, states in STATES for state in states.values),
        *(
            ("feed", state)
            for state in (
                "archived",
                "blocked",
                "completed",
                "completed_with_warning",
                "failed",
                "pending",
            )
        ),
    ],
)
def test_every_state_there_is_has_a_chip_of_its_own(kind: str, state: str) -> None:
    known = finflow._STATUSES_OF_A_KIND.get((kind, state)) or finflow._STATUSES.get(state)
    assert known is not None
    assert status(state, kind) == known


@pytest.mark.parametrize(
    ("kind", "states"),
    # An anomaly's chip asks people for a word, a package's tells the verdict of a check.
    [pair for pair in STATES if pair[0] not in ("anomaly", "package")],
)
def test_a_state_has_one_word_on_chips_lists_and_papers(kind: str, states: Any) -> None:
    """A chip may leave out what its label adds: "Superseded" by a newer version."""
    for state, label in states.choices:
        assert label.startswith(status(state, kind).word)


def test_an_unknown_state_is_shown_by_its_own_name_and_neutrally() -> None:
    assert status("half_baked") == Status("Half baked", "idle", "circle")


@pytest.mark.parametrize("state", ["", None, 3])
def test_no_state_is_an_error(state: object) -> None:
    with pytest.raises(TypeError):
        status(state)  # type: ignore[arg-type]


def test_a_verdict_is_told_as_what_the_approver_did() -> None:
    assert {verdict_given(each) for each in GivenVerdict.values} == {
        "approved",
        "rejected",
        "returned for changes",
    }
    with pytest.raises(KeyError):
        verdict_given("shrug")


def test_an_icon_is_silent_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in icon("lock")
    labelled = icon("lock", 'Locked "by" <b>')
    assert 'aria-label="Locked &quot;by&quot; &lt;b&gt;"' in labelled
    assert "aria-hidden" not in labelled


@pytest.mark.parametrize(
    ("left", "right", "left_html", "right_html"),
    [
        ("ABC123", "ABC124", "ABC12<mark>3</mark>", "ABC12<mark>4</mark>"),
        ("same", "same", "same", "same"),
        ("", "new", "", "<mark>new</mark>"),
        (None, "x", "", "<mark>x</mark>"),
        ("INV 7", "INV  7", "INV 7", "INV <mark> </mark>7"),
        ("<b>&1", "<b>&2", "&lt;b&gt;&amp;<mark>1</mark>", "&lt;b&gt;&amp;<mark>2</mark>"),
    ],
)
def test_differing_characters_are_marked_and_all_are_escaped(
    left: str | None, right: str, left_html: str, right_html: str
) -> None:
    pair = differing(left, right)
    assert (pair.left, pair.right) == (left_html, right_html)
    assert pair.is_equal == (left == right)


def test_long_texts_are_compared_by_their_common_start_and_end() -> None:
    pair = differing("a" * 900 + "X" + "b" * 900, "a" * 900 + "YY" + "b" * 900)
    assert pair.left == "a" * 900 + "<mark>X</mark>" + "b" * 900
    assert pair.right == "a" * 900 + "<mark>YY</mark>" + "b" * 900


def test_a_long_text_that_begins_like_the_other_is_marked_where_it_goes_on() -> None:
    assert differing("a" * 600, "a" * 601).right == "a" * 600 + "<mark>a</mark>"


@given(st.text(alphabet="ab<&> ", max_size=40), st.text(alphabet="ab<&> ", max_size=40))
def test_without_the_marks_both_texts_are_what_they_were(left: str, right: str) -> None:
    pair = differing(left, right)
    for html, text in ((pair.left, left), (pair.right, right)):
        assert unescape(re.sub(r"</?mark>", "", html)) == text
    assert ("<mark>" in pair.left + pair.right) == (left != right)


@given(st.text(alphabet="ab", max_size=30), st.text(alphabet="ab", max_size=30))
def test_what_is_not_marked_is_the_same_on_both_sides(left: str, right: str) -> None:
    pair = differing(left, right)
    common = [re.sub(r"<mark>.*?</mark>", "", html) for html in (pair.left, pair.right)]
    assert common[0] == common[1]


def test_differing_works_as_a_tag() -> None:
    page = Template("{% load finflow %}{% differing a b as pair %}{{ pair.left }}|{{ pair.right }}")
    assert page.render(Context({"a": "x1", "b": "x2"})) == "x<mark>1</mark>|x<mark>2</mark>"
