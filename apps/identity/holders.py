"""Which roles hold which permission: collected from the `permissions.py` of every app."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule


@cache
def holders() -> dict[str, frozenset[str]]:
    """Permission to the roles that hold it.

    Raises:
        ValueError: an app declares a permission that does not start with its own label.
    """
    table: dict[str, frozenset[str]] = {}
    for config in apps.get_app_configs():
        if config.name.startswith("apps.") and module_has_submodule(config.module, "permissions"):
            declared = import_module(f"{config.name}.permissions").HOLDERS
            for permission, roles in declared.items():
                if not permission.startswith(f"{config.label}."):
                    raise ValueError(f"{permission} is declared by {config.label}")
                table[permission] = frozenset(roles)
    return table


def roles_holding(permission: str) -> frozenset[str]:
    """The roles that hold the permission.

    Raises:
        LookupError: no app declares it; a misspelt permission must not fail quietly.
    """
    try:
        return holders()[permission]
    except KeyError:
        raise LookupError(f"no app declares the permission {permission!r}") from None
