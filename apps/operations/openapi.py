"""The OpenAPI document: how it is generated, and what every operation of ours has in common."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models.enums import ChoicesType
from django.utils.module_loading import module_has_submodule
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import _load_enum_name_overrides, get_lib_doc_excludes
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.settings import patched_settings, spectacular_settings
from drf_spectacular.utils import Direction, OpenApiParameter
from drf_spectacular.validation import validate_schema
from jsonschema import ValidationError

from apps.common.api import ScopedReadView, StrictSerializer
from apps.operations.idempotency import HEADER, IdempotentMixin

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "timestamp", "request_id"],
            "properties": {
                "code": {"type": "string", "description": "Stable name, for machines."},
                "message": {"type": "string", "description": "What is refused and why."},
                "details": {
                    "description": "Remedy, fields at fault, facts; null if there are none.",
                },
                "timestamp": {"type": "string", "format": "date-time"},
                "request_id": {"type": "string", "description": "Quote it to support."},
            },
        }
    },
}


class SchemaFaulty(Exception):
    """A door does not describe itself fully; the text lists the faults."""


def schema_file() -> Path:
    """Where the built document is kept, and served from."""
    return Path(settings.BASE_DIR) / "docs" / "reference" / "openapi.yaml"


def generated_schema() -> str:
    """The document of all REST doors as YAML; the same doors give the same text.

    Raises:
        SchemaFaulty: something could not be described, or the document is not valid OpenAPI.
    """
    GENERATOR_STATS.reset()  # it is global: what an earlier run complained of is not ours
    with GENERATOR_STATS.silence(), patched_settings({"ENUM_NAME_OVERRIDES": _choice_names()}):
        _load_enum_name_overrides.cache_clear()
        document = SchemaGenerator().get_schema(request=None, public=True)
    complaints = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    if complaints:
        raise SchemaFaulty("\n".join(complaints))
    try:
        validate_schema(document)
    except ValidationError as fault:
        raise SchemaFaulty(f"{fault.json_path}: {fault.message}") from fault
    text: str = OpenApiYamlRenderer().render(document, renderer_context={}).decode()
    return text


def _choice_names() -> dict[str, Any]:
    """A name for each set of states, `LedgerEntryStatus`: many fields are called "status"."""
    names = dict(spectacular_settings.ENUM_NAME_OVERRIDES)
    for config in apps.get_app_configs():
        if not config.name.startswith("apps.") or not module_has_submodule(config.module, "states"):
            continue
        for name, found in vars(import_module(f"{config.name}.states")).items():
            is_set = isinstance(found, ChoicesType) and bool(found.choices)
            if is_set and found.choices not in names.values():
                names[f"{config.label.capitalize()}{name}"] = found.choices
    return names


class DocumentedSchema(AutoSchema):
    """What the doors share: names that say whose, and a header that makes repeating harmless.

    Their docstrings are the text: the first sentence is the summary, the rest the description.
    """

    def get_summary(self) -> str:
        """The first sentence of the docstring, which lists show."""
        return self._sentences()[0]

    def get_description(self) -> str:  # type: ignore[override]  # stubs of another class
        """What the docstring says beyond its first sentence."""
        return self._sentences()[1]

    def _sentences(self) -> tuple[str, str]:
        text = super().get_description().strip()
        first, *rest = re.split(r"(?:\.\s|\.?\n\n|\.$)", text, maxsplit=1)
        return " ".join(first.split()), "".join(rest).strip()

    def get_serializer_name(self, serializer: Any, direction: Direction) -> str:
        """With the app's name in front: several apps have runs, and each calls his a run."""
        name: str = super().get_serializer_name(serializer, direction)
        package, _, below = type(serializer).__module__.partition(".")
        label = below.partition(".")[0].capitalize() if package == "apps" else ""
        return name if name.startswith(label) else f"{label}{name}"

    def get_override_parameters(self) -> list[Any]:
        """Parameters that no view has to name."""
        if self.method != "POST" or not isinstance(self.view, IdempotentMixin):
            return []
        return [
            OpenApiParameter(
                HEADER,
                str,
                OpenApiParameter.HEADER,
                description="1 to 200 printable characters, for example a random UUID. "
                "A request repeated with the same key gets the first answer.",
            )
        ]


class AccessTokenScheme(OpenApiAuthenticationExtension):
    """The token that /auth/login answers with."""

    target_class = "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """An HTTP bearer token."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access_token` of /auth/login.",
        }


def shared_bases() -> set[type]:
    """Classes whose docstrings are about the code, not about a door (GET_LIB_DOC_EXCLUDES)."""
    return {*get_lib_doc_excludes(), StrictSerializer, IdempotentMixin, ScopedReadView}


def describe_errors(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Postprocessing hook: every operation may answer with the error envelope."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = _ERROR
    components.setdefault("responses", {})["Error"] = {
        "description": "A refusal. docs/reference/errors.md lists the codes.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {"$ref": "#/components/responses/Error"}
    return result
