"""Structured logs: one JSON object a line, with request id and user id, without personal data."""

from __future__ import annotations

from typing import Any

import structlog

from config import env

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


def logging_configuration() -> dict[str, Any]:
    """`logging.config` settings; also configures structlog to hand over to it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
                "foreign_pre_chain": _SHARED,
            },
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", default="WARNING")},
        "loggers": {
            "apps": {"level": env.log_level("LOG_LEVEL", default="INFO")},
            # Signing in is logged by our own events, without names or addresses.
            "axes": {"level": "ERROR"},
            # They would tell the URLs of other systems, which may be secrets.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "apprise": {"level": "WARNING"},
            "django_structlog": {"level": env.log_level("LOG_LEVEL", default="WARNING")},
        },
    }
