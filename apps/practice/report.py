"""The demo on the terminal: progress while it runs, tables when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from apps.close.states import TaskStatus
from apps.practice.fixtures import read
from apps.practice.selectors import DemoResult
from apps.practice.services import Watched, password_of

Told = Callable[[Watched], None]


@contextmanager
def watching(console: Console) -> Iterator[Told]:
    """A progress bar on a terminal, a line per finished task elsewhere."""
    if console.is_terminal:
        with _bar(console) as told:
            yield told
    else:
        yield _lines(console)


def print_result(console: Console, result: DemoResult) -> None:
    """Reconciliations beside their truth, then every check."""
    console.print()
    console.print(_reconciliations(result))
    console.print(_checks(result))
    console.print(
        f"{result.tasks_done} of {result.tasks_total} tasks done, {result.approvals} approvals by"
        f" people who took no part, {result.anomalies} unusual entries"
        f" ({result.anomalies_planted} planted, all found)"
        if result.holds
        else "The close does not agree with what was planted: see the checks marked NO."
    )


def print_people(console: Console, address: str) -> None:
    """Where the site is, and who may sign in."""
    table = Table(title=f"Site: {address}", title_justify="left")
    for column in ("User", "Role", "Password"):
        table.add_column(column)
    for person in read("users.json")["users"]:
        table.add_row(person["username"], person["role"], password_of(person["username"]))
    console.print()
    console.print(table)


def _reconciliations(result: DemoResult) -> Table:
    table = Table(title="Reconciliations", title_justify="left")
    table.add_column("Match type")
    for column in ("Items", "Matches", "Match rate", "Variance"):
        table.add_column(column, justify="right")
    table.add_column("Breaks by cause (found / planted)")
    for line in result.match_types:
        causes = ", ".join(
            f"{cause} {line.found.get(cause, 0)}/{line.planted.get(cause, 0)}"
            for cause in sorted({*line.found, *line.planted})
        )
        variance = "" if line.variance_percent is None else f"{line.variance_percent:.2f}%"
        table.add_row(
            line.name, str(line.items), str(line.groups), f"{line.match_rate}%", variance, causes
        )
    return table


def _checks(result: DemoResult) -> Table:
    table = Table(title="Checks", title_justify="left")
    for column in ("Check", "Expected", "Found", "Holds"):
        table.add_column(column)
    for check in result.checks:
        table.add_row(check.name, check.expected, check.found, "yes" if check.holds else "NO")
    return table


@contextmanager
def _bar(console: Console) -> Iterator[Told]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        line = bar.add_task("Closing", total=None)

        def told(seen: Watched) -> None:
            running = ", ".join(seen.progress.now_running) or "waiting"
            bar.update(
                line,
                total=seen.progress.total,
                completed=seen.progress.done,
                description=f"{running[:40]:40} approvals {seen.decided}",
            )

        yield told


def _lines(console: Console) -> Told:
    shown: set[str] = set()

    def told(seen: Watched) -> None:
        for task in seen.tasks:
            finished = task.is_done or task.status == TaskStatus.FAILED
            if finished and task.key not in shown:
                shown.add(task.key)
                note = f": {task.note}" if task.note else ""
                console.print(
                    f"  {len(shown):2} of {len(seen.tasks)}  {task.name}"
                    f" ({task.get_status_display().lower()}){note}",
                    soft_wrap=True,
                )

    return told
