"""What a field mapping would make of a file, before it is saved: read, shown, and not written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from apps.common.access import authorize, one_visible
from apps.identity.models import User
from apps.ingestion.errors import FileTooLarge, SampleMissing
from apps.ingestion.formats import FileRefused, Reading
from apps.ingestion.models import Source
from apps.ingestion.permissions import MANAGE_SOURCES
from apps.ingestion.selectors.batches import latest_original, original_of
from apps.ingestion.services.facts import control_totals, statement_facts
from apps.ingestion.services.reading import read_file
from apps.ingestion.services.sources import sound_mapping
from apps.privacy.permissions import READ_CONFIDENTIAL

MOST_SAMPLE_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True)
class MappingPreview:
    """What a mapping makes of a sample; nothing of it is written.

    Attributes:
        refusal: why the file as a whole would be refused; there is no reading then.
        control_totals: sum of the accepted lines by currency, as text.
        statements: as a batch would keep them, see `statement_facts`.
    """

    source: Source
    filename: str
    mapping: dict[str, Any]
    reading: Reading | None
    refusal: FileRefused | None
    control_totals: dict[str, str]
    statements: list[dict[str, Any]]

    @property
    def totals(self) -> list[tuple[str, Decimal]]:
        """Control totals as (currency, amount)."""
        return [(currency, Decimal(text)) for currency, text in self.control_totals.items()]


def preview_mapping(
    *,
    source_id: int,
    mapping: Mapping[str, Any] | None,
    actor: User,
    content: bytes | None = None,
    filename: str = "",
) -> MappingPreview:
    """Read a file of a source by a mapping that is not saved.

    Args:
        mapping: see `formats.FieldMapping.from_dict`; None or empty finds columns by their names.
        content: a sample; None takes the source's latest original, imported or refused.
        filename: of the sample.

    Raises:
        NotVisible, NotPermitted: not this actor.
        SourceInvalid: the mapping has a fault (the key is named).
        SampleMissing: no sample was given and nothing has come in yet.
        FileTooLarge: the sample has more than MOST_SAMPLE_BYTES.
    """
    source: Source = one_visible(Source.objects.granted_to(actor).filter(pk=source_id))
    authorize(actor, MANAGE_SOURCES, entity_id=source.entity_id)
    authorize(actor, READ_CONFIDENTIAL, entity_id=source.entity_id)
    wanted = sound_mapping(mapping)
    sample, name = _sample_of(source) if content is None else (content, filename)
    _require_moderate(len(sample))
    try:
        reading = read_file(source, name, sample, wanted)
    except FileRefused as refusal:
        return MappingPreview(source, name, wanted, None, refusal, {}, [])
    return MappingPreview(
        source=source,
        filename=name,
        mapping=wanted,
        reading=reading,
        refusal=None,
        control_totals=control_totals(reading.lines),
        statements=[statement_facts(statement) for statement in reading.statements],
    )


def _sample_of(source: Source) -> tuple[bytes, str]:
    """The latest original of the source, and its name."""
    kept = latest_original(source)
    if kept is None:
        raise SampleMissing(field="sample")
    _require_moderate(kept.size_bytes)
    return original_of(kept), kept.filename


def _require_moderate(size_bytes: int) -> None:
    if size_bytes > MOST_SAMPLE_BYTES:
        raise FileTooLarge(
            f"A sample has at most {MOST_SAMPLE_BYTES:,} bytes.",
            remedy="Send the first lines of the file.",
            field="sample",
        )
