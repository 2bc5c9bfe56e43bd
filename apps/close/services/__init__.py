"""Writes of the close: `runs` plans and starts, `execution` carries tasks out by the `moves`."""

from apps.close.services.books import post_source_lines
from apps.close.services.execution import (
    complete_task,
    note_decision,
    resume_interrupted,
    retry_task,
    run_task,
    settle_task,
)
from apps.close.services.runs import define_template, open_run, start_ready_tasks

__all__ = [
    "complete_task",
    "define_template",
    "note_decision",
    "open_run",
    "post_source_lines",
    "resume_interrupted",
    "retry_task",
    "run_task",
    "settle_task",
    "start_ready_tasks",
]
