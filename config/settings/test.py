"""Tests: real PostgreSQL and Redis in a data folder of their own, quick password hashing."""

from apps.operations.embedded import ensure_environment

ensure_environment(name="test")

from config.settings.base import *  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# No file is looked for where none is collected: every client of every test would look again.
# The browser's server finds them by itself.
STATIC_ROOT = None  # type: ignore[assignment]  # nothing is collected
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
OUTBOX_RELAY_ON_COMMIT = False
