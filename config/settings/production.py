"""Behind TLS, with PostgreSQL and Redis of your own. `docs/how-to/deploy.md` lists the settings."""

from config import env
from config.settings.base import *

SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("PROXY_COUNT", default=1, most=9)
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS")

EMAIL_HOST = env.text("MAIL_SERVER", default="localhost")
EMAIL_PORT = env.integer("MAIL_PORT", default=25, least=1, most=65_535)
_MAIL_SECURITY = env.choice(
    "MAIL_SECURITY", choices=("starttls", "tls", "none"), default="starttls"
)
EMAIL_USE_TLS = _MAIL_SECURITY == "starttls"
EMAIL_USE_SSL = _MAIL_SECURITY == "tls"
EMAIL_HOST_USER = env.text("MAIL_USERNAME", default="")
EMAIL_HOST_PASSWORD = env.text("MAIL_PASSWORD", default="")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.address("MAIL_FROM", default="finflow@localhost")
