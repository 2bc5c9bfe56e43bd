"""What the templates promise: the policy is kept, forms are accessible, empty parts vanish."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import RequestFactory

from tests.ui.gallery import ERROR_PAGES, PAGES, render
from tests.ui.gallery_content import Reason, WriteOff, frame

ROOT = Path(settings.STATICFILES_DIRS[0]).parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
COMPONENTS = sorted(path.name for path in (ROOT / "templates/components").glob("*.html"))
REFERENCE = (ROOT / "docs/reference/ui-components.md").read_text()


class Page(HTMLParser):
    """Every start tag of a page as (name, attributes)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag == name]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_needs_more_than_the_strict_policy(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", source)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", source))
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", source)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_one_heading_named_landmarks_and_no_id_twice(name: str) -> None:
    parsed = Page(render(name))
    assert len(parsed.all("h1")) == 1
    assert len(parsed.all("main")) == 1
    assert all("aria-label" in nav for nav in parsed.all("nav"))
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert parsed.all("a")[0]["href"] == "#main"


@pytest.mark.parametrize("name", PAGES)
def test_every_part_that_a_page_points_to_is_on_it(name: str) -> None:
    parsed = Page(render(name))
    ids = {attrs["id"] for _, attrs in parsed.tags if "id" in attrs}
    for _, attrs in parsed.tags:
        for name in ("for", "aria-labelledby", "aria-describedby", "popovertarget"):
            assert set((attrs.get(name) or "").split()) <= ids
        href = attrs.get("href") or ""
        if href.startswith("#"):
            assert href[1:] in ids


@pytest.mark.parametrize("name", PAGES)
def test_every_post_form_carries_its_token(name: str) -> None:
    html = render(name)
    forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", html, re.DOTALL)
    assert all('name="csrfmiddlewaretoken"' in form for form in forms)


@pytest.mark.parametrize("name", ERROR_PAGES)
def test_an_error_page_needs_no_context_and_says_what_to_do(name: str) -> None:
    html = render_to_string(f"{name}.html")
    assert 'id="refusal"' in html
    assert "<li>" in html
    assert "Request <code>" not in html
    assert "Request <code>0b5e7f0c</code>" in render(name)


def test_a_refusal_says_what_and_what_would_help() -> None:
    html = render("refusal")
    assert "You prepared this entry." in html
    assert "Ask a controller" in html
    with_names = render_to_string("refusal.html", {"who": "Bob Okafor"})
    assert "These could: Bob Okafor." in with_names


def part(name: str, **context: Any) -> str:
    return re.sub(r"\s+", " ", render_to_string(f"components/{name}.html", context))


def test_a_status_is_a_word_and_an_icon() -> None:
    html = part("status", state="completed_with_warning")
    assert "Completed with a warning" in html
    assert "#check-alert" in html
    assert "chip--warn" in html
    assert "2 days" in part("status", state="late", detail="2 days")


def test_a_field_with_an_error_is_described_by_it_and_by_its_help() -> None:
    form = WriteOff({"amount": "much"})
    parsed = Page(part("field", field=form["amount"]))
    entry = parsed.all("input")[0]
    assert entry["aria-invalid"] == "true"
    assert entry["aria-describedby"] == "id_amount_helptext id_amount_error"
    ids = {attrs.get("id") for _, attrs in parsed.tags}
    assert {"id_amount_helptext", "id_amount_error"} <= ids


def test_an_optional_field_says_so_and_a_required_one_does_not() -> None:
    form = WriteOff()
    assert "(optional)" in part("field", field=form["reason"])
    assert "(optional)" not in part("field", field=form["amount"])


def test_choices_are_grouped_under_their_question() -> None:
    html = part("field", field=WriteOff({})["cause"])
    assert '<fieldset class="field field--bad" aria-describedby="id_cause_error"' in html
    assert "<legend>Cause</legend>" in html


def test_a_field_takes_another_label() -> None:
    html = part("field", field=WriteOff()["amount"], field_label="How much")
    assert "How much" in html
    assert "Amount" not in html


def test_the_error_summary_leads_to_each_field() -> None:
    form = WriteOff({"amount": "much"})
    form.add_error(None, "The period is closed.")
    html = part("form_errors", form=form)
    assert 'role="alert"' in html
    assert '<a href="#id_amount">Amount</a>' in html
    assert "<li>The period is closed.</li>" in html
    assert part("form_errors", form=WriteOff()).strip() == ""


def test_what_people_typed_is_escaped() -> None:
    html = part("form", form=Reason({"reason": "<script>alert(1)</script>"}), submit_label="Send")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_form_can_replace_itself_and_can_be_dangerous() -> None:
    request = RequestFactory().get("/breaks/7?x=1")
    plain = part("form", form=Reason(), submit_label="Send")
    assert "hx-post" not in plain
    assert "button--primary" in plain
    live = part(
        "form", form=Reason(), submit_label="Lock", is_part=True, is_danger=True, request=request
    )
    assert 'hx-post="/breaks/7?x=1"' in live
    assert "button--danger" in live


def test_a_dialog_names_the_consequences_and_opens_again_after_an_error() -> None:
    context = {"id": "lock", "title": "Lock?", "action": "/lock", "submit_label": "Lock"}
    fresh = part("confirm_dialog", **context, consequences=["1,204 entries become permanent."])
    assert "<li>1,204 entries become permanent.</li>" in fresh
    assert "data-open" not in fresh
    assert "data-open" in part("confirm_dialog", **context, form=Reason({}))


def test_a_dialog_sends_what_it_was_opened_for() -> None:
    html = part(
        "confirm_dialog", id="x", title="?", action="/x", submit_label="Go", hidden=[("v", "4")]
    )
    assert '<input type="hidden" name="v" value="4">' in html


@pytest.mark.parametrize(
    ("previous_url", "next_url", "links"),
    [
        (None, None, []),
        (None, "?n", ["next"]),
        ("?p", "?n", ["prev", "next"]),
        ("?p", None, ["prev"]),
    ],
)
def test_pagination_offers_the_pages_that_there_are(
    previous_url: str | None, next_url: str | None, links: list[str]
) -> None:
    html = part("pagination", shown=50, noun="breaks", previous_url=previous_url, next_url=next_url)
    assert [link["rel"] for link in Page(html).all("a")] == links
    assert ("all of them" in html) == (not links)
    assert "of 1,204" in part("pagination", shown=50, total=1204, noun="breaks", next_url="?n")


def test_a_comparison_marks_what_differs_and_says_what_is_missing() -> None:
    rows = [
        {"label": "Reference", "left": "A1", "right": "A2"},
        {"label": "Text", "left": "same", "right": "same"},
        {"label": "Bank", "left": None, "right": "X", "verdict": "only in the ledger"},
    ]
    html = part("compare", caption="Why", left_title="L", right_title="R", rows=rows)
    assert "A<mark>1</mark>" in html
    assert html.count(">equal<") == 1
    assert html.count(">differs<") == 1
    assert "only in the ledger" in html
    assert '<span class="soft">none</span>' in html


def test_bars_are_drawn_to_scale_whatever_the_locale(settings: Any) -> None:
    settings.LANGUAGE_CODE = "de"
    settings.USE_THOUSAND_SEPARATOR = True
    bars = [{"label": "1", "value": 12345.5, "figure": "12.345,50", "expected": 9.5}]
    html = part(
        "bar_chart", caption="C", label_title="L", figure_title="F", maximum=20000, bars=bars
    )
    assert 'viewBox="0 0 20000 1"' in html
    assert 'width="12345.5"' in html
    assert 'x1="9.5"' in html
    assert "12.345,50" in html


def test_the_messages_are_read_aloud_and_can_come_with_a_part() -> None:
    message = SimpleNamespace(level_tag="error", __str__=lambda self: "Refused")
    assert 'aria-live="polite"' in part("messages")
    assert "hx-swap-oob" not in part("messages")
    html = part("messages", messages=[message], is_out_of_band=True)
    assert 'hx-swap-oob="true"' in html
    assert "notice--bad" in html


def test_the_menu_marks_where_one_is_and_can_be_filled_by_anybody() -> None:
    parsed = Page(render("close_board"))
    current = [link for link in parsed.all("a") if link.get("aria-current") == "page"]
    assert [link["href"] for link in current] == ["/close"]


def test_signing_out_is_a_post() -> None:
    html = part("user_menu", **frame())
    assert re.search(r'<form method="post" action="[^"]*logout', html)


def test_nobody_signed_in_has_no_menu_of_their_own() -> None:
    anonymous = SimpleNamespace(is_authenticated=False)
    assert part("user_menu", user=anonymous).strip() == ""


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_is_documented(name: str) -> None:
    assert f"`{name}`" in REFERENCE
