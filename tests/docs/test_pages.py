"""Pages written by hand name what exists: links, commands, files, code, addresses and settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve
from django.utils.text import slugify

from apps.operations.reference import PAGES as BUILT
from apps.operations.reference.settings_page import AROUND, MEANINGS

ROOT = Path(settings.BASE_DIR)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:bin/finflow|manage\.py) +([a-z_]\w*)([^\n`|;&<>]*)")
SCRIPT = re.compile(r"(?<![\w./-])bin/(\w+)\b(?!\.)")
FLAG = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
DOTTED = re.compile(r"(?:apps|config|finflow|tests)(?:\.\w+)+")
SETTING = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")

# What a path in a page starts with if it is one of the repository's.
FOLDERS = {
    path.name
    for path in ROOT.iterdir()
    if path.is_dir() and path.name not in {".git", ".venv", "var", "secrets", "staticfiles"}
}
# Places on a machine, which are not addresses of the site.
ELSEWHERE = ("/data", "/etc", "/path", "/run", "/usr", "/var")
# Words in capitals that others gave: the system's, and a placeholder.
WORDS = {"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "XDG_RUNTIME_DIR", "VERB_NOUN"}
# What a name with dots ends in if it is a file or a host.
ENDINGS = (".com", ".css", ".dump", ".js", ".py")


@dataclass(frozen=True)
class Page:
    """A page's text, its code in spans, and its code in blocks."""

    path: Path
    text: str
    spans: tuple[str, ...]
    blocks: tuple[str, ...]

    @property
    def prose(self) -> str:
        return FENCE.sub("", self.text)

    @property
    def code(self) -> str:
        return "\n".join((*self.spans, *self.blocks))


def page_of(path: Path, text: str) -> Page:
    blocks = tuple(content for _language, content in FENCE.findall(text))
    return Page(path, text, tuple(SPAN.findall(FENCE.sub("", text))), blocks)


@cache
def read(name: str) -> Page:
    return page_of(ROOT / name, (ROOT / name).read_text("utf-8"))


def dead_links(page: Page) -> Iterator[str]:
    """Links to files that are not there, and to headings that no page has."""
    for target in LINK.findall(page.prose):
        parts = urlsplit(target)
        if parts.scheme:
            continue
        file = page.path.parent / unquote(parts.path) if parts.path else page.path
        if not file.exists() or (
            parts.fragment and parts.fragment not in headings(file.read_text("utf-8"))
        ):
            yield target


def headings(text: str) -> set[str]:
    """Anchors as code hosts make them."""
    found = re.findall(r"^#+ +(.+)$", FENCE.sub("", text), re.MULTILINE)
    return {slugify(re.sub(r"[`*]", "", title)) for title in found}


def unknown_commands(page: Page) -> Iterator[str]:
    """Scripts, management commands and their options that do not exist."""
    for script in SCRIPT.findall(page.code):
        if not (ROOT / "bin" / script).is_file():
            yield f"bin/{script}"
    for name, rest in COMMAND.findall(page.code):
        app = get_commands().get(name)
        if app is None:
            yield name
            continue
        for flag in FLAG.findall(rest):
            if flag not in _flags(str(app), name):
                yield f"{name} {flag}"


@cache
def _flags(app: str, name: str) -> frozenset[str]:
    parser: Any = load_command_class(app, name).create_parser("finflow", name)
    return frozenset(parser._option_string_actions)


def missing_files(page: Page) -> Iterator[str]:
    """Paths that start with a folder of the repository and lead nowhere; `*` and `<x>` are any."""
    for span in page.spans:
        for path in re.findall(r"(?<![\w./-])[\w.]+/[\w.*<>/-]*", span):
            if path.split("/")[0] not in FOLDERS:
                continue
            pattern = re.sub(r"<\w+>", "*", path).rstrip("/.")
            if not any(ROOT.glob(pattern)):
                yield path


def unknown_code(page: Page) -> Iterator[str]:
    """Dotted names of ours that cannot be imported."""
    for name in DOTTED.findall("\n".join(page.spans)):
        if name.endswith(ENDINGS):
            continue
        try:
            named(name)
        except (ImportError, AttributeError, FileNotFoundError):
            yield name


def named(name: str) -> Any:
    """What a dotted name stands for: a module, or something in one.

    Settings are only looked for: importing them would note the faults of this environment.
    """
    if name.startswith("config.settings."):
        return (ROOT / f"{name.replace('.', '/')}.py").resolve(strict=True)
    module, rest = name, []
    while True:
        try:
            found = import_module(module)
            break
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            if not module:
                raise
            rest.insert(0, last)
    for part in rest:
        found = getattr(found, part)
    return found


def unknown_addresses(page: Page) -> Iterator[str]:
    """Addresses of the site that no door has; `{id}` and `<id>` are any number."""
    for span in page.spans:
        words = span.split()
        address = words[-1] if words and words[0] in {"GET", "POST"} else span
        if not address.startswith("/") or address.startswith(ELSEWHERE) or " " in address:
            continue
        plain = re.sub(r"\{\w+\}|<\w+>", "1", urlsplit(address).path)
        if not any(_resolves(one) for one in (plain, f"{plain.rstrip('/')}/")):
            yield address


def _resolves(address: str) -> bool:
    try:
        resolve(address)
    except Resolver404:
        return False
    return not address.startswith("/admin/") or _is_admin_page(address)


def _is_admin_page(address: str) -> bool:
    """The admin answers any address below it; what it has no page for goes to a catch-all."""
    return resolve(address).url_name is not None


def unknown_settings(page: Page) -> Iterator[str]:
    """Words in capitals that are no variable that is read, no error code and no constant."""
    for span in page.spans:
        for name in SETTING.findall(span):
            if name not in known_words():
                yield name


@cache
def known_words() -> frozenset[str]:
    """Variables of the settings and of docker-compose.yml, error codes, constants of the source."""
    codes = SETTING.findall((ROOT / "docs/reference/errors.md").read_text("utf-8"))
    variables = SETTING.findall((ROOT / "docker-compose.yml").read_text("utf-8"))
    constants = {
        name
        for folder in ("apps", "config", "finflow", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"^ *_?([A-Z][A-Z0-9_]+)\b[^=\n(]*=", path.read_text("utf-8"), re.M)
    }
    files = {f"{name}_FILE" for name in MEANINGS}
    return frozenset({*MEANINGS, *AROUND, *files, *codes, *variables, *constants, *WORDS})


CHECKS: dict[str, Callable[[Page], Iterator[str]]] = {
    "links": dead_links,
    "commands": unknown_commands,
    "files": missing_files,
    "code": unknown_code,
    "addresses": unknown_addresses,
    "settings": unknown_settings,
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_what_exists(name: str, check: str) -> None:
    assert list(CHECKS[check](read(name))) == []


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("links", "[x](docs/README.md)", "[x](docs/nowhere.md)"),
        ("links", "[x](docs/reference/glossary.md#glossary)", "[x](README.md#no-such-heading)"),
        ("links", "![x](docs/images/board.png)", "![x](docs/images/gone.png)"),
        ("commands", "`bin/finflow up --port 8001`", "`bin/finflow upp`"),
        ("commands", "```sh\nbin/demo --once\n```", "```sh\nbin/demonstrate\n```"),
        ("commands", "```sh\npython manage.py demo --once\n```", "`manage.py demo --twice`"),
        ("files", "`config/settings/base.py`", "`config/settings/bass.py`"),
        ("files", "`apps/*/services.py`", "`apps/nothing/*.py`"),
        ("files", "`tests/samples/<format>/`", "`tests/sample/<format>/`"),
        ("code", "`apps.ledger.models.Account`", "`apps.ledger.models.Acount`"),
        ("code", "`apps.close.registry`", "`apps.close.registri`"),
        ("addresses", "`/approvals/`", "`/aprovals/`"),
        ("addresses", "`POST /api/close/tasks/{id}/retry`", "`POST /api/close/tasks/{id}/try`"),
        ("addresses", "`/admin/ledger/period/`", "`/admin/ledger/periods/`"),
        ("settings", "`METRICS_TOKEN=x`", "`METRIC_TOKENS=x`"),
        ("settings", "`APPROVAL_MISSING`", "`APPROVAL_MISSED`"),
    ],
)
def test_what_does_not_exist_is_found(check: str, good: str, bad: str) -> None:
    find = CHECKS[check]

    assert list(find(page_of(ROOT / "README.md", good))) == []
    assert len(list(find(page_of(ROOT / "README.md", bad)))) == 1


def test_every_page_is_on_the_index() -> None:
    """Whoever begins at docs/README.md finds every page; decisions are listed as well."""
    index = ROOT / "docs" / "README.md"
    linked = {
        (index.parent / target).resolve()
        for target in LINK.findall(index.read_text("utf-8"))
        if not urlsplit(target).scheme
    }

    written = {page for page in PAGES if page.parent != ROOT and page != index}
    assert {str(page) for page in written - linked} == set()


def test_the_built_pages_are_among_them() -> None:
    assert {f"docs/reference/{name}" for name in BUILT} <= set(NAMES)


def test_a_page_has_one_title_and_it_comes_first() -> None:
    for name in NAMES:
        prose = FENCE.sub("", re.sub(r"<!--.*?-->", "", read(name).text, flags=re.DOTALL))
        titles = re.findall(r"^# .+$", prose, re.MULTILINE)
        assert len(titles) == 1, name
        assert prose.strip().startswith(titles[0]), name
