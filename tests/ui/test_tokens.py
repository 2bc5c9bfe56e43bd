"""Colours are legible: WCAG 2.2 AA, 4.5 to 1 for text and 3 to 1 for shapes, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from unfold.settings import CONFIG_DEFAULTS

STYLES = Path(settings.STATICFILES_DIRS[0]) / "finflow"
SHEETS = sorted(STYLES.parent.glob("*/*.css"))
TONES = ("ok", "warn", "bad", "info", "idle")
GROUNDS = ("paper", "surface", "sunken")
TEXT_PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-soft", "link", "negative") for ground in GROUNDS),
    *((f"on-{tone}", tone) for tone in TONES),
    *((ink, "info") for ink in ("ink", "ink-soft", "link", "negative")),
    ("on-bad", "surface"),
    ("on-bad", "paper"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-danger", "danger"),
    ("on-danger", "danger-strong"),
    ("bar-ink", "bar"),
    ("bar-soft", "bar"),
    ("on-mark", "mark"),
]
SHAPE_PAIRS = [
    *((shape, ground) for shape in ("line-strong", "focus", "accent") for ground in GROUNDS[:2]),
    *((f"{tone}-solid", "surface") for tone in TONES),
    ("bar-line", "bar"),
]


def tokens(scheme: str) -> dict[str, str]:
    css = (STYLES / "tokens.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    dark = dark.split("@media print")[0]
    found = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", dark))
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_measured_as_wcag_defines_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_is_legible(scheme: str, ink: str, ground: str) -> None:
    colours = tokens(scheme)
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPE_PAIRS)
def test_shapes_that_mean_something_are_seen(scheme: str, shape: str, ground: str) -> None:
    colours = tokens(scheme)
    assert contrast(colours[shape], colours[ground]) >= 3


def test_no_stylesheet_has_a_colour_of_its_own() -> None:
    for path in SHEETS:
        if path.name != "tokens.css":
            assert not re.findall(r"#[0-9a-f]{3,8}\b|rgb\(|hsl\(", path.read_text()), path.name


def test_every_token_that_is_used_exists() -> None:
    defined = set(re.findall(r"(--[\w-]+):", (STYLES / "tokens.css").read_text()))
    for path in SHEETS:
        used = set(re.findall(r"var\((--[\w-]+)", path.read_text()))
        known = theme_of_the_administration() if path.name == "admin.css" else defined
        assert used <= known, path.name


def theme_of_the_administration() -> set[str]:
    """The colours that unfold defines, from its settings and in its stylesheet."""
    named = {
        f"--color-{name}-{weight}"
        for name, weights in CONFIG_DEFAULTS["COLORS"].items()
        for weight in weights
    }
    sheet = finders.find("unfold/css/styles.css")
    return named | set(re.findall(r"(--color-\w+):", Path(str(sheet)).read_text()))
