"""From two files to stored matches and breaks: what each part of the work costs.

    python -m benchmarks.files_to_breaks [--rows 1000000] [--seed 1] [--shards 2]

Two CSV files are imported into the embedded PostgreSQL of a folder of its own (original kept,
lines sealed and stored, audited), two processes at once as two workers would, then reconciled by
the service that a worker runs: records read and opened, matched, breaks classified, everything
stored and audited. The rows are those of `benchmarks.matching_rows`,
the passes those of `benchmarks.matching_kernel`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from apps.operations.embedded import ensure_environment
from apps.operations.embedded.site_programs import ALLOCATOR
from benchmarks.matching_kernel import RULES, Stopwatch, print_table
from benchmarks.matching_rows import made_up

FIRST_DAY, LAST_DAY = date(2026, 1, 1), date(2026, 3, 31)
MAPPING = {
    "columns": {
        name: name
        for name in (
            *("external_id", "account", "booked_on", "amount", "currency"),
            *("reference", "counterparty", "narrative"),
        )
    },
    "decimal": ".",
    "date_format": "%Y-%m-%d",
    "separator": ",",
    "encoding": "utf-8",
}


def main() -> None:
    """Make the files, bring them in, reconcile them, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument(
        "--shards",
        type=int,
        default=1,
        help="other than 1: matched by two processes, in so many shards; 0: as many as by default",
    )
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="finflow-benchmark-") as folder:
        environment = ensure_environment(data_dir=Path(folder) / "data")
        try:
            _measure(Path(folder), rows=given.rows, seed=given.seed, shards=given.shards)
        finally:
            environment.release()


def _measure(folder: Path, *, rows: int, seed: int, shards: int) -> None:
    os.environ["_RJEM_MALLOC_CONF"] = ALLOCATOR  # as the workers of a site have it
    spawn = multiprocessing.get_context("spawn")
    paths = {side: folder / f"{side}.csv" for side in ("left", "right")}
    with ProcessPoolExecutor(1, mp_context=spawn) as maker:  # its memory does not count
        heights = maker.submit(_write, rows, seed, paths).result()
    sizes = " + ".join(f"{path.stat().st_size / 1e6:.0f} MB" for path in paths.values())
    print(f"{' x '.join(f'{height:,}' for height in heights)} rows ({sizes}), seed {seed}")
    os.environ |= {"RECONCILE_SHARDS": str(shards), "RECONCILE_SHARDS_FROM": "1"}
    _set_up()
    sources, match_type_id = _match_type()
    watch = Stopwatch()
    with (
        ProcessPoolExecutor(2, mp_context=spawn, initializer=_set_up) as workers,
        _memory_watched() as most,
    ):
        list(workers.map(time.sleep, [5, 5]))  # both are up, as workers are, before it counts
        with watch.stage("all in all"):
            with watch.stage("import: read, seal, store, audit"):
                work = [(sources[side], str(paths[side])) for side in paths]
                imported = list(workers.map(_import, work))
            most_importing = max(most)
            most.clear()
            run, reconciling = _reconcile(match_type_id, watch, None if shards == 1 else workers)
    for side, (_, parts) in zip(paths, imported, strict=True):
        watch.seconds |= {f"  {side}: {name}": spent for name, spent in parts.items()}
    print_table(watch.seconds, "all in all")
    peaks = " and ".join(f"{peak:.2f}" for peak in reconciling)
    imports = " and ".join(f"{peak:.2f}" for peak, _ in imported)
    print(f"peak memory: {peaks} GB reconciling, {imports} GB importing")
    print(
        f"all processes together (without the database's): {most_importing:.2f} GB at most"
        f" importing, {max(most):.2f} GB reconciling"
    )
    print(f"groups {run.group_count:,}, breaks {run.break_count:,}, proof {run.proof}")


@contextmanager
def _memory_watched() -> Iterator[list[float]]:
    """GB of memory that this process and its children have, looked at ten times a second."""
    seen = [0.0]
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.1):
            processes = [str(child.pid) for child in multiprocessing.active_children()]
            seen.append(sum(map(_gigabytes, ["self", *processes])))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def _gigabytes(process: str) -> float:
    """Memory that the process has of its own."""
    _, resident, shared, *_ = Path(f"/proc/{process}/statm").read_text().split()
    return (int(resident) - int(shared)) * resource.getpagesize() / 2**30


def _write(rows: int, seed: int, paths: dict[str, Path]) -> tuple[int, int]:
    """Make the files; gives how many rows each has."""
    made = made_up(rows, seed)
    _written(made.left, paths["left"])
    _written(made.right, paths["right"])
    return made.left.height, made.right.height


def _written(frame: pl.DataFrame, path: Path) -> None:
    money = (pl.col("amount") / 10_000).round(2).alias("amount")
    exact = (frame["amount"] % 100 == 0).all()
    if not exact:
        raise SystemExit("the generator made amounts that are no whole cents")
    frame.select(
        *("external_id", "account", "booked_on", money, "currency"),
        *("reference", "counterparty", "narrative"),
        payout_id=pl.col("attributes").str.json_path_match("$.payout_id"),
    ).write_csv(path, float_precision=2)


def _set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")
    django.setup()
    from django.core.management import call_command

    if multiprocessing.parent_process() is None:
        call_command("migrate", verbosity=0)
        return
    from config.celery import app

    with app.connection_for_write() as broker:  # a worker has got its task through it
        broker.ensure_connection(max_retries=3)


def _match_type() -> tuple[dict[str, int], int]:
    """The two sources and the match type between them."""
    from apps.identity.selectors import system_user
    from apps.identity.services import register_entity
    from apps.ingestion.services import define_source
    from apps.reconciliation.services import define_match_type

    actor = system_user()
    entity = register_entity(
        code="BENCH",
        name="Benchmark",
        country="NL",
        functional_currency="EUR",
        time_zone="UTC",
        actor=actor,
    )
    sources = {
        side: define_source(
            entity_id=entity.pk, code=side, name=side, format="csv", mapping=MAPPING, actor=actor
        ).pk
        for side in ("left", "right")
    }
    match_type = define_match_type(
        entity_id=entity.pk,
        code="bench",
        name="Benchmark",
        description="",
        left_source_id=sources["left"],
        left_accounts=[],
        right_source_id=sources["right"],
        right_accounts=[],
        rules=RULES,
        actor=actor,
    )
    return sources, match_type.pk


def _import(work: tuple[int, str]) -> tuple[float, dict[str, tuple[float, float]]]:
    """Import one file; gives the peak memory of the process in GB, and seconds by part."""
    from apps.identity.selectors import system_user
    from apps.ingestion.services import import_file, imports

    watch = Stopwatch()
    for name, words in (
        ("keep_original", "keep the original"),
        ("read_file", "read"),
        ("content_keys", "content keys"),
        ("copy_records", "seal and store"),
    ):
        setattr(imports, name, watch.wrapped(getattr(imports, name), words))
    source_id, path = work
    outcome = import_file(
        source_id=source_id,
        filename=Path(path).name,
        content=Path(path).read_bytes(),
        actor=system_user(),
    )
    if outcome.batch is None:
        raise SystemExit(f"refused: {outcome.failure}")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, watch.seconds


def _reconcile(
    match_type_id: int, watch: Stopwatch, workers: ProcessPoolExecutor | None
) -> tuple[Any, list[float]]:
    """Start and carry out a run, its parts timed; gives it, and the peak memory of each process."""
    from apps.identity.selectors import system_user
    from apps.reconciliation.services import start_run

    started: list[tuple[float, dict[str, tuple[float, float]]]] = []
    with watch.stage("reconcile, all in all"):
        run = start_run(
            match_type_id=match_type_id, starts_on=FIRST_DAY, ends_on=LAST_DAY, actor=system_user()
        )
        if workers is None:
            started.append(_execute(run.pk))
        else:
            started += workers.map(_execute, [run.pk, run.pk])
    for number, (_, parts) in enumerate(started, 1):
        watch.seconds |= {f"  process {number}: {name}": spent for name, spent in parts.items()}
    run.refresh_from_db()
    if run.failure:
        raise SystemExit(run.failure)
    print(run.division or "The run was done in one piece.")
    return run, [peak for peak, _ in started]


def _execute(run_id: int) -> tuple[float, dict[str, tuple[float, float]]]:
    """Carry the run out, or help with its shards; peak memory in GB, and seconds by part."""
    from apps.reconciliation.services import completion, runs, shards

    watch = Stopwatch()
    for module, name, words in (
        (runs, "population", "read and open the records"),
        (runs, "reconciled", "match and classify"),
        (runs, "planned", "plan"),
        (shards, "shard_items", "read and open the records"),
        (shards, "_hand_in", "hand in what a shard found"),
        (shards, "_finish", "join, classify and store"),
        (completion, "store_outcome", "store"),
    ):
        setattr(module, name, watch.wrapped(getattr(module, name), words))
    runs.execute_run(run_id=run_id)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, watch.seconds


if __name__ == "__main__":
    began = time.perf_counter()
    main()
    print(f"{time.perf_counter() - began:.0f} s with making the rows and the database")
