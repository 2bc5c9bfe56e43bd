"""Looking at a piece of work from the side whenever it tells what it is at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def looking(look: Callable[[], None]) -> Iterator[None]:
    """Call `look` after each phase that this connection tells (`apps.common.phases`)."""
    is_looking = False

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal is_looking
        result = execute(sql, params, many, context)
        if "set_config('application_name'" in sql and not is_looking:
            is_looking = True
            look()
            is_looking = False
        return result

    with connection.execute_wrapper(wrapper):
        yield
