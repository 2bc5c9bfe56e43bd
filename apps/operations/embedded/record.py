"""What the keeper writes down about its servers, for clients and for its successor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.operations.embedded.folders import DataFolder
from apps.operations.embedded.server import Server, Trace


@dataclass(frozen=True)
class Record:
    """The socket folder and the processes, by server name."""

    sockets: Path
    traces: Mapping[str, Trace]


def write_record(folder: DataFolder, sockets: Path, servers: Sequence[Server]) -> None:
    """Replace the record in one step."""
    content = {
        "folder": _identity(folder),
        "sockets": str(sockets),
        "processes": {
            server.name: [server.trace().pid, server.trace().started_at_epoch_seconds]
            for server in servers
            if server.is_running()
        },
    }
    draft = folder.record.with_suffix(".draft")
    draft.write_text(json.dumps(content), encoding="utf-8")
    draft.rename(folder.record)


def read_record(folder: DataFolder) -> Record | None:
    """The record, or None if there is none of this very folder.

    A data folder that was copied while in use carries the record of the original, whose servers
    and sockets are none of our business.
    """
    try:
        content = json.loads(folder.record.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if content["folder"] != _identity(folder):
        return None
    traces = {name: Trace(*numbers) for name, numbers in content["processes"].items()}
    return Record(Path(content["sockets"]), traces)


def _identity(folder: DataFolder) -> list[int]:
    found = folder.servers.stat()
    return [found.st_dev, found.st_ino]
