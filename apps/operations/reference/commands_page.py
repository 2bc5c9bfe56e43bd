"""The management commands of the product."""

from __future__ import annotations

from argparse import Action

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandParser

from apps.operations.reference.markdown import code, page, table

# Commands of Django and its apps that somebody who runs FinFlow needs.
_OF_OTHERS = (
    ("migrate", "bring the database up to date; guards and roles are put in place with it"),
    ("check", "tell what is wrong with the settings, and change nothing"),
    ("dbshell", "psql on the database, the embedded one included"),
    ("shell", "Python with the models at hand"),
)


def commands_page() -> str:
    """Each command with its arguments."""
    ours = sorted(name for name, app in get_commands().items() if str(app).startswith("apps."))
    return page(
        "Commands",
        "`bin/finflow COMMAND` runs a command in the environment of this checkout: it installs"
        " what is missing and starts the embedded servers, unless `DATABASE_URL` and `REDIS_URL`"
        " name others. In a container it is `python manage.py COMMAND`.",
        "`bin/demo` is `bin/finflow demo`; `bin/test` runs every check of the project.",
        *(_section(name) for name in ours),
        "## Of Django\n\n"
        + table(["Command", "To"], [[code(name), purpose] for name, purpose in _OF_OTHERS]),
    )


def _section(name: str) -> str:
    command = load_command_class(get_commands()[name], name)
    rows = [[_written(argument), argument.help or ""] for argument in _arguments(command)]
    text = f"## {name}\n\n{command.help}"
    return f"{text}\n\n{table(['Argument', 'Means'], rows)}" if rows else text


def _arguments(command: BaseCommand) -> list[Action]:
    """The command's own arguments, without those that every command has."""
    parser = CommandParser(add_help=False)
    command.add_arguments(parser)
    return parser._actions


def _written(argument: Action) -> str:
    if not argument.option_strings:
        return code(argument.dest)
    takes_value = argument.nargs != 0
    value = f" {argument.metavar or argument.dest.upper()}" if takes_value else ""
    return code(argument.option_strings[-1] + value)
