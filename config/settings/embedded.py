"""One machine with nothing but Python: servers and secrets come from the embedded environment."""

from apps.operations.embedded import ensure_environment

ensure_environment()

from config.settings.base import *  # noqa: E402

# Plain files: the pages must be right from the first start, without a collecting step.
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
