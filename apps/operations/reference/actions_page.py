"""What the audit trail records."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.operations.reference.markdown import code, page, table
from apps.operations.reference.source import SourceFile, first_sentence, source_files

_ACTION = re.compile(r"[a-z]+(\.[a-z_<>]+){2,3}")
_ARGUMENT = "action"


@dataclass(frozen=True, order=True)
class RecordedAction:
    """An action, the function that names it, and what that function does."""

    action: str
    function: str
    purpose: str


def actions_page() -> str:
    """A table for each app."""
    by_app: dict[str, list[RecordedAction]] = {}
    for recorded in recorded_actions():
        by_app.setdefault(recorded.action.partition(".")[0], []).append(recorded)
    return page(
        "Audit actions",
        "Every change is recorded in the transaction that makes it, as `app.noun.verb`, with who,"
        " when, what, the entity and the request's id. The trail is read at `/admin/audit/event/`"
        " and at `/api/audit/events`. A part in angle brackets is one of several words.",
        *(
            f"## {app}\n\n"
            + table(
                ["Action", "Recorded by", "Which does"],
                [[code(one.action), code(one.function), one.purpose] for one in by_app[app]],
            )
            for app in sorted(by_app)
        ),
    )


def recorded_actions() -> list[RecordedAction]:
    """Every action that the source names, in order."""
    return sorted({found for file in source_files("apps") for found in _actions_in(file)})


def _actions_in(file: SourceFile) -> Iterator[RecordedAction]:
    for top in file.tree.body:
        for node in ast.walk(top):
            if isinstance(node, ast.Call):
                yield from (
                    RecordedAction(
                        action=action,
                        function=_name(file, top),
                        purpose=_purpose(top),
                    )
                    for expression in _action_arguments(file, node)
                    for action in _actions(file, expression)
                )


def _action_arguments(file: SourceFile, call: ast.Call) -> Iterator[ast.expr]:
    """What the call of a function gives for a parameter called `action`, by name or position."""
    if not isinstance(call.func, ast.Name):
        return  # a method: a query that looks for an action records none
    yield from (word.value for word in call.keywords if word.arg == _ARGUMENT)
    if call.func.id in file.functions:
        names = [argument.arg for argument in file.functions[call.func.id].args.args]
        if _ARGUMENT in names[: len(call.args)]:
            yield call.args[names.index(_ARGUMENT)]


def _actions(file: SourceFile, expression: ast.expr) -> Iterator[str]:
    """The actions that the expression may stand for."""
    if isinstance(expression, ast.JoinedStr):
        texts = _joined(file, expression)
    else:
        texts = [
            node.value
            for node in ast.walk(expression)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
    yield from (text for text in texts if _ACTION.fullmatch(text))


def _joined(file: SourceFile, text: ast.JoinedStr) -> list[str]:
    """Each text that an f-string may become: looked-up words are written out."""
    texts = [""]
    for part in text.values:
        if isinstance(part, ast.Constant):
            words = [str(part.value)]
        elif isinstance(part, ast.FormattedValue):
            words = _words(file, part.value)
        texts = [before + word for before in texts for word in words]
    return texts


def _words(file: SourceFile, expression: ast.expr) -> list[str]:
    """The words that an expression of an f-string may be: those of a table, else its own name."""
    if isinstance(expression, ast.Subscript) and isinstance(expression.value, ast.Name):
        values = file.tables.get(expression.value.id, [])
        return sorted({str(value.value) for value in values if isinstance(value, ast.Constant)})
    return [f"<{ast.unparse(expression)}>"]


def _name(file: SourceFile, top: ast.stmt) -> str:
    own = top.name if isinstance(top, ast.FunctionDef | ast.ClassDef) else ""
    return ".".join(filter(None, [file.module.removeprefix("apps."), own]))


def _purpose(top: ast.stmt) -> str:
    """What a function or class says that it does."""
    if isinstance(top, ast.FunctionDef | ast.ClassDef):
        return first_sentence(ast.get_docstring(top))
    return ""
