"""Collect files from the drop folder: one folder an entity, paths with the period's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from apps.common.access import authorize, one_visible
from apps.identity.models import Entity, User
from apps.ingestion.errors import FileMissing, FileTooLarge, SourceInvalid
from apps.ingestion.models import Source
from apps.ingestion.permissions import IMPORT_FILE
from apps.ingestion.services.imports import ImportOutcome, import_file


def collect_files(
    *, entity_id: int, source_codes: Sequence[str], period_name: str, actor: User
) -> dict[str, ImportOutcome]:
    """Import each source's file of a period; what is known already is left alone.

    Every file is looked for before the first is imported, so that all that are missing are named
    at once.

    Returns:
        The outcome by source code.

    Raises:
        NotVisible, NotPermitted: not this actor.
        SourceInvalid: a code has no source, or its path leaves the drop folder.
        FileMissing: names the files that are not there.
        FileTooLarge: names the file that is larger than what is taken.
        SourceRetired: see `import_file`.
    """
    entity = one_visible(Entity.objects.visible_to(actor).filter(pk=entity_id))
    authorize(actor, IMPORT_FILE, entity_id=entity.pk)
    files = {
        code: _file_of(_source(entity, code), period_name) for code in dict.fromkeys(source_codes)
    }
    missing = [path.name for _, path in files.values() if not path.is_file()]
    if missing:
        raise FileMissing(f"Not in the drop folder: {', '.join(missing)}.")
    return {
        code: import_file(
            source_id=source.pk, filename=path.name, content=_content_of(path), actor=actor
        )
        for code, (source, path) in files.items()
    }


def _source(entity: Entity, code: str) -> Source:
    source: Source | None = Source.objects.filter(entity=entity, code=code).first()
    if source is None:
        raise SourceInvalid(f"There is no source {code!r} here.", field="sources")
    source.entity = entity
    return source


def _file_of(source: Source, period_name: str) -> tuple[Source, Path]:
    root = Path(settings.FILE_DROP_DIR).resolve()
    folder = (root / source.entity.code).resolve()
    path = (folder / source.drop_path.replace("{period}", period_name)).resolve()
    is_below = folder != root and folder.is_relative_to(root) and path.is_relative_to(folder)
    if not source.drop_path or not is_below:
        raise SourceInvalid(
            f"The drop path of {source.code!r} is not below the entity's folder.",
            field="drop_path",
        )
    return source, path


def _content_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > settings.UPLOAD_MAX_BYTES:
            raise FileTooLarge(f"{path.name} is larger than {settings.UPLOAD_MAX_BYTES:,} bytes.")
        return path.read_bytes()
    except OSError as error:
        raise FileMissing(f"{path.name} cannot be read: {error.strerror}.") from None
