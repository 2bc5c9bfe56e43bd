"""The evidence package as a PDF document, before attaching and signing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from reportlab.platypus import Flowable, PageBreak

from .content import EvidenceContent, Exceptions, Omission
from .pages import Metadata, Running, build_pdf, contents_of
from .sections import appendices, cover, findings, record, scope, work
from .sections.blocks import answer, heading, prose
from .verification import ROOT_KEYWORD

_SIGNATURE_NOTE = (
    "Electronic signature (PAdES). The picture proves nothing by itself: check it as in section "
    "11.1. An empty box means that this file is not signed."
)
_Story = list[Flowable]


@dataclass(frozen=True, slots=True)
class _Section:
    """A numbered section; its story is made only if it is not omitted."""

    number: str
    title: str
    part: Any
    story: Callable[[Any], _Story]


def render_evidence(content: EvidenceContent) -> bytes:
    """The unsigned document; the same content gives the same bytes.

    Raises:
        InstantWithoutZone: an instant in the content is naive.
        zoneinfo.ZoneInfoNotFoundError: the cover's time zone does not exist.
    """
    letters = _appendix_letters(content)
    omissions = _omissions(content, letters)
    body: _Story = []
    for section in _sections(content, letters, omissions):
        body += heading(section.number, section.title)
        body += _omitted(section.part) or section.story(section.part)
    for title, letter in letters.items():
        body += _appendix(content, title, letter)
    front = cover.cover_story(content, omissions)
    contents = contents_of([*front, *body])
    pages = [flowable for page in contents for flowable in (PageBreak(), page)]
    return build_pdf(
        [*front, *pages, PageBreak(), *body],
        running=_running(content),
        metadata=_metadata(content),
    )


def _omitted(part: Any) -> _Story:
    if not isinstance(part, Omission):
        return []
    return [*answer("Omitted, as declared."), *prose(f"Reason: {part.reason}")]


def _sections(
    content: EvidenceContent, letters: dict[str, str], omissions: list[tuple[str, str]]
) -> list[_Section]:
    list_letter, proofs_letter = letters.get("exceptions", ""), letters.get("proofs", "")

    def exceptions(part: Exceptions) -> _Story:
        return findings.exceptions_story(part, list_letter)

    def manifest(_part: None) -> _Story:
        return record.manifest_story(content.holdings, omissions, proofs_letter)

    return [
        _Section("2", "Controls", content.controls, scope.controls_story),
        _Section("3", "Population", content.population, scope.population_story),
        _Section(
            "4", "Information produced by the entity", content.data_sources, scope.sources_story
        ),
        _Section("5", "Sample", content.sample, scope.sample_story),
        _Section("6", "Execution", content.tasks, work.execution_story),
        _Section("7", "Exceptions", content.exceptions, exceptions),
        _Section("8", "Attestation", content.attestations, record.attestations_story),
        _Section("9", "Change log", content.changes, record.changes_story),
        _Section("10", "Configuration snapshot", content.configuration, record.configuration_story),
        _Section("11", "Manifest", None, manifest),
        _Section("12", "Retention", content.retention, record.retention_story),
    ]


def _omissions(content: EvidenceContent, letters: dict[str, str]) -> list[tuple[str, str]]:
    """Number and title of every omitted section, and the declared reason."""
    return [
        (f"{section.number} {section.title}", section.part.reason)
        for section in _sections(content, letters, [])
        if isinstance(section.part, Omission)
    ]


def _appendix_letters(content: EvidenceContent) -> dict[str, str]:
    """The appendices that this content needs, each with its letter."""
    part = content.exceptions
    is_long = isinstance(part, Exceptions) and len(part.lines) > findings.LONGEST_LIST_IN_SECTION
    wanted = {
        "queries": not isinstance(content.data_sources, Omission),
        "exceptions": is_long,
        "proofs": bool(content.holdings.proofs),
        "conventions": True,
    }
    titles = [title for title, is_wanted in wanted.items() if is_wanted]
    return dict(zip(titles, ascii_uppercase, strict=False))


def _appendix(content: EvidenceContent, title: str, letter: str) -> _Story:
    stories: dict[str, Callable[[], _Story]] = {
        "queries": lambda: appendices.queries_appendix(letter, _given(content.data_sources)),
        "exceptions": lambda: appendices.exceptions_appendix(
            letter, _given(content.exceptions).lines
        ),
        "proofs": lambda: appendices.proofs_appendix(letter, content.holdings.proofs),
        "conventions": lambda: appendices.conventions_appendix(letter),
    }
    return stories[title]()


def _given(part: Any) -> Any:
    """A part that is known not to be omitted."""
    assert not isinstance(part, Omission)
    return part


def _running(content: EvidenceContent) -> Running:
    head, root = content.cover, content.holdings.manifest.root_sha256
    return Running(
        left=f"{head.entity}  ·  {head.process}  ·  {head.period}",
        right=f"SHA-256 {root[:16]}…",
        foot=f"Evidence package {head.package}, version {head.version}  ·  {head.classification}",
        signature_note=_SIGNATURE_NOTE,
    )


def _metadata(content: EvidenceContent) -> Metadata:
    head, root = content.cover, content.holdings.manifest.root_sha256
    return Metadata(
        title=f"Evidence package: {head.process}, {head.entity}, {head.period}",
        author=head.entity,
        subject=f"{head.package}, version {head.version}",
        keywords=f"{ROOT_KEYWORD}{root}",
        creator=head.generator,
        identity=root,
        created_at=head.generated_at,
    )
