"""The Celery application: JSON only, tasks acknowledged after they ran."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import import_modules, setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

from config.checks import refuse_to_start_misconfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")

app = Celery("finflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    """Django has configured logging already; Celery's own would print messages twice."""


@import_modules.connect
def check_settings(**kwargs: Any) -> None:
    """Sent by worker and beat before they do anything else."""
    refuse_to_start_misconfigured()
