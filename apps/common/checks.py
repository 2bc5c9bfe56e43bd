"""System checks over the whole product."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core import checks

from apps.common import guards


@checks.register("finflow")
def check_every_model_is_guarded(**kwargs: Any) -> list[checks.CheckMessage]:
    """Each model of ours is append-only, audited, or says why it is neither."""
    marked = {*guards.APPEND_ONLY, *guards.AUDITED, *guards.UNGUARDED}
    ours = [
        model
        for config in apps.get_app_configs()
        if config.name.startswith("apps.")
        for model in config.get_models()
        if not hasattr(model, "history_type")
    ]
    return [
        checks.Error(
            f"{model._meta.label} says nothing about how its changes are guarded.",
            hint="Put @append_only(), @audited or @unguarded(reason) on the class.",
            id="finflow.E002",
        )
        for model in ours
        if model not in marked
    ]
