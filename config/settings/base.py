"""Settings common to every way FinFlow runs. What differs lies in the sibling modules."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.utils import timezone

from apps.operations.embedded.redis_server import broker_url
from config import env
from config.beat import SCHEDULE
from config.logs import logging_configuration

BASE_DIR = Path(__file__).resolve().parent.parent.parent

SECRET_KEY = env.secret("SECRET_KEY", least_characters=50)
DEBUG = False
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", default="127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
SITE_URL = env.origin("SITE_URL")

PRODUCT_APPS = [
    "apps.common",
    "apps.operations",
    "apps.audit",
    "apps.identity",
    "apps.privacy",
    "apps.approvals",
    "apps.ledger",
    "apps.ingestion",
    "apps.outbound",
    "apps.reconciliation",
    "apps.close",
    "apps.compliance",
    "apps.analytics",
    "apps.reporting",
    "apps.practice",
]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.headless",
    "axes",
    "guardian",
    "simple_history",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "django_celery_beat",
    "django_structlog",
    "django_prometheus",
    *PRODUCT_APPS,
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.operations.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.identity.middleware.TimeZoneMiddleware",
    "apps.operations.middleware.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.common.navigation.navigation",
                "apps.identity.context.entity_menu",
            ],
        },
    },
]

# --- Data -----------------------------------------------------------------------------------

DATABASES = {
    "default": {
        **env.database(),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.redis()
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL or "redis://unset",
        "KEY_PREFIX": "finflow",
    }
}

FINFLOW_KEY_RING = env.text(
    "FINFLOW_KEY_RING", remedy="set FINFLOW_KEY_RING=1:<base64 of 32 random bytes>"
)
FERNET_KEYS = env.fernet_seeds(FINFLOW_KEY_RING)
EVIDENCE_SIGNING_KEY_FILE, EVIDENCE_SIGNING_CERT_FILE = env.signing_files(
    "EVIDENCE_SIGNING_KEY_FILE", "EVIDENCE_SIGNING_CERT_FILE"
)

# --- Work -----------------------------------------------------------------------------------

CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 30 * 60
CELERY_TASK_SOFT_TIME_LIMIT = 28 * 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Above the hard time limit: a task that is still running must not be delivered a second time.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 60 * 60}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 2
CELERY_BEAT_SCHEDULE = SCHEDULE
# A reconciliation of at least so many records is split into shards, each a task of its own: this
# many, or one for each core of the machine that plans it.
RECONCILE_SHARDS_FROM = env.integer("RECONCILE_SHARDS_FROM", default=200_000, least=1)
RECONCILE_SHARDS = env.integer("RECONCILE_SHARDS", default=0, most=1_000)
# An import or a reconciliation that stores at least so many rows in a table gives them a partition
# of their own, which is filled without the database's log and indexed once at its end.
OWN_PARTITION_FROM = env.integer("OWN_PARTITION_FROM", default=200_000, least=1)
# A change commits its outbox row first; this hands it to the broker at once instead of at the
# next beat. Off in unit tests, which look at the outbox itself.
OUTBOX_RELAY_ON_COMMIT = True

# --- People ---------------------------------------------------------------------------------

AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
GUARDIAN_RAISE_403 = False
# Grants are read by identity.User in one query; the backend would ask once a permission.
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]
ANONYMOUS_USER_NAME = None  # guardian's stand-in user is not wanted: anonymous may do nothing

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "apps.identity.lockout.refuse_locked_out"
AXES_CLIENT_IP_CALLABLE = "apps.identity.lockout.client_address"
AXES_ENABLE_ADMIN = False

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "apps.identity.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False
MFA_ADAPTER = "apps.identity.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "FinFlow"

HEADLESS_ONLY = False
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"  # noqa: S105
HEADLESS_JWT_PRIVATE_KEY = env.rsa_key("JWT_PRIVATE_KEY_FILE")
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = 15 * 60
HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN = 12 * 60 * 60
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True
HEADLESS_JWT_ROTATE_REFRESH_TOKEN = True

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
# unfold brings Alpine.js, which evaluates expressions: allowed below /admin and nowhere else.
ADMIN_CONTENT_SECURITY_POLICY = {
    **CONTENT_SECURITY_POLICY["DIRECTIVES"],
    "script-src": [SELF, "'unsafe-eval'", "'unsafe-inline'"],
    "style-src": [SELF, "'unsafe-inline'"],
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_BYTES", default=512 * 1024 * 1024, least=1)
ATTACHMENT_MOST_BYTES = env.integer("ATTACHMENT_MOST_BYTES", default=10 * 1024 * 1024, least=1)
FILE_UPLOAD_PERMISSIONS = 0o600

# --- REST -----------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "apps.common.parsers.StrictJSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "apps.common.pagination.NewestFirst",
    "DEFAULT_FILTER_BACKENDS": ["apps.common.filters.KnownFilters"],
    "DEFAULT_SCHEMA_CLASS": "apps.operations.openapi.DocumentedSchema",
    "EXCEPTION_HANDLER": "apps.operations.envelope.answer_exception",
    "COERCE_DECIMAL_TO_STRING": True,
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "FinFlow",
    "VERSION": "1",
    "DESCRIPTION": "Import, reconcile, approve, close and prove.",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "GET_LIB_DOC_EXCLUDES": "apps.operations.openapi.shared_bases",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.operations.openapi.describe_errors",
    ],
}

# --- Pages ----------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_DROP_DIR = env.folder("FILE_DROP_DIR", default=BASE_DIR / "var" / "drop")
# Where connectors and webhooks may go: nowhere, unless the installation says so.
EGRESS_HOSTS = env.destinations("EGRESS_HOSTS")
STORAGE_PROTOCOLS = env.some_of("STORAGE_PROTOCOLS", choices=("s3", "gs", "abfs", "file", "memory"))
MEDIA_ROOT = env.folder("FINFLOW_MEDIA_DIR", default=BASE_DIR / "var" / "media")

_ICON = {"href": lambda request: static("finflow/favicon.svg"), "type": "image/svg+xml"}
UNFOLD = {
    "SITE_TITLE": "FinFlow",
    "SITE_HEADER": "FinFlow",
    "SITE_SUBHEADER": lambda request: f"Times in {timezone.get_current_timezone_name()}",
    "SITE_URL": "/",
    "SITE_ICON": _ICON["href"],
    "SITE_FAVICONS": [{"rel": "icon", **_ICON}],
    "STYLES": [lambda request: static("reporting/admin.css")],
    # The accent of static/finflow/tokens.css, in the steps that the theme mixes its colours from.
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .014 207)",
            "100": "oklch(94.8% .028 207)",
            "200": "oklch(90% .052 207)",
            "300": "oklch(83.5% .083 207)",
            "400": "oklch(76% .099 207)",
            "500": "oklch(69% .1 208)",
            "600": "oklch(43.2% .074 210)",
            "700": "oklch(36.5% .063 212)",
            "800": "oklch(31% .052 212)",
            "900": "oklch(27% .043 213)",
            "950": "oklch(20% .033 214)",
        }
    },
    "SHOW_HISTORY": True,
    "BORDER_RADIUS": "4px",
    "DASHBOARD_CALLBACK": "apps.reporting.dashboard.dashboard",
}

# --- Watching -------------------------------------------------------------------------------

LOGGING = logging_configuration()
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_COMMAND_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # an address is personal data
DJANGO_STRUCTLOG_USER_ID_FIELD = "pk"
METRICS_TOKEN = env.text("METRICS_TOKEN", default="")
PROMETHEUS_EXPORT_MIGRATIONS = False
