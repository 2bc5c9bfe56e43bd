"""Which role may do what."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from apps.common.roles import ROLES
from apps.operations.reference.markdown import code, page, table


def permissions_page() -> str:
    """A table for each app: permissions down, roles across."""
    parts = []
    for config in apps.get_app_configs():
        if config.name.startswith("apps.") and module_has_submodule(config.module, "permissions"):
            holders = import_module(f"{config.name}.permissions").HOLDERS
            rows = [
                [
                    code(permission),
                    *("yes" if role in holders[permission] else "" for role in ROLES),
                ]
                for permission in sorted(holders)
            ]
            if rows:
                parts.append(
                    f"## {config.label}\n\n" + table(["Permission", *map(str.title, ROLES)], rows)
                )
    return page(
        "Permissions and roles",
        "A role is granted to a user on one entity (docs/how-to/add-a-user.md), and with it the"
        " permissions below, on that entity. Segregation of duties is asked apart from them:"
        " whoever prepared something never decides on it, whatever his roles.",
        *parts,
    )
