"""How long a signed evidence package takes: render, attach, sign, verify.

    python -m benchmarks.evidence_pdf

Prints wall and processor seconds, best of three, for packages of 100, 1,000 and 10,000 exceptions
(each row of them is in the document and in an attached CSV), and for 10,000 with a population of a
million lines attached.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from apps.reporting.documents import (
    Attachment,
    EvidenceContent,
    ExceptionLine,
    Holdings,
    Manifest,
    attach,
    create_identity,
    manifest_attachments,
    read_attachments,
    render_evidence,
    sign,
    verify_package,
)
from tests.reporting.documents.evidence_samples import (
    CLOSED_AT,
    complete_content,
    exception_lines,
)

REPEATS = 3
TARGET_SECONDS = 3.0


def exceptions_csv(lines: tuple[ExceptionLine, ...]) -> Attachment:
    rows = (f"{line.reference},{line.cause},{line.amount.amount},EUR" for line in lines)
    body = "reference,cause,amount,currency\n" + "\n".join(rows) + "\n"
    return Attachment("exceptions.csv", body.encode(), "text/csv", "All exceptions")


def population_csv(count: int) -> Attachment:
    rows = (
        f"GL-{number},2023-04-15,1100,{number * 7919 % 1_000_003}.25" for number in range(count)
    )
    body = "id,booked_on,account,amount\n" + "\n".join(rows) + "\n"
    return Attachment("population.csv", body.encode(), "text/csv", "Population")


class Desk:
    """One package, made step by step; each step is timed on its own."""

    def __init__(self, folder: Path, exception_count: int, population_count: int) -> None:
        self._key_file, self._cert_file = folder / "key.pem", folder / "cert.pem"
        files = [exceptions_csv(exception_lines(exception_count))]
        if population_count:
            files.append(population_csv(population_count))
        manifest = Manifest("EP-HFS-2023-04-BANK v2", tuple(file.item for file in files))
        self._files = [*files, *manifest_attachments(manifest)]
        self._content: EvidenceContent = replace(
            complete_content(exception_count), holdings=Holdings(manifest=manifest)
        )
        identity = create_identity(
            common_name="Benchmark",
            organisation="Harbour Field Services B.V.",
            valid_from=CLOSED_AT - timedelta(days=1),
            valid_until=CLOSED_AT + timedelta(days=1),
        )
        self._key_file.write_bytes(identity.key_pem)
        self._cert_file.write_bytes(identity.certificate_pem)
        self._trusted = [identity.certificate_sha256]
        self.pdf = b""

    def render(self) -> None:
        self._rendered = render_evidence(self._content)

    def attach(self) -> None:
        self._attached = attach(self._rendered, self._files, attached_at=CLOSED_AT)

    def sign(self) -> None:
        self.pdf = sign(
            self._attached,
            key_file=self._key_file,
            cert_file=self._cert_file,
            reason="Benchmark",
            signed_at=CLOSED_AT,
        )

    def verify(self) -> None:
        assert verify_package(self.pdf, trusted_fingerprints=self._trusted).is_valid


def best_of(step: Callable[[], None]) -> tuple[float, float]:
    """Lowest wall and processor seconds of a few runs."""
    runs = []
    for _ in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        step()
        runs.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(wall for wall, _ in runs), min(processor for _, processor in runs)


def main() -> None:
    print("Signed evidence package, seconds: wall (processor), best of three\n")
    print(
        f"{'exceptions':>10} {'population':>10} {'render':>13} {'attach':>13} {'sign':>13} "
        f"{'verify':>13} {'made in':>8} {'MB':>6}"
    )
    for exception_count, population_count in (
        (100, 0),
        (1_000, 0),
        (10_000, 0),
        (10_000, 1_000_000),
    ):
        with TemporaryDirectory() as folder:
            desk = Desk(Path(folder), exception_count, population_count)
            steps = [best_of(step) for step in (desk.render, desk.attach, desk.sign, desk.verify)]
            assert "exceptions.csv" in read_attachments(desk.pdf)
        made_in = sum(wall for wall, _ in steps[:3])
        figures = " ".join(f"{wall:>5.2f} ({processor:>4.2f})" for wall, processor in steps)
        print(
            f"{exception_count:>10,} {population_count:>10,} {figures} {made_in:>8.2f} "
            f"{len(desk.pdf) / 1e6:>6.1f}"
        )
    print(f"\nTarget for 10,000 exceptions: {TARGET_SECONDS:.0f} s")


if __name__ == "__main__":
    main()
