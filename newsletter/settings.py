"""Settings for both worlds: a laptop with nothing set, and production.

Only the environment differs; ``.env.example`` lists every variable that is read here.
"""

from __future__ import annotations

import secrets
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from dotenv import load_dotenv

from newsletter.conf import env, palette, running

BASE_DIR = Path(__file__).resolve().parent.parent
load_dotenv(BASE_DIR / ".env")
VAR_DIR = env.folder("VAR_DIR", BASE_DIR / "var")

PORT = env.text("PORT") or running.noted_port(VAR_DIR) or "8000"
SITE_URL = env.url("SITE_URL", f"http://127.0.0.1:{PORT}")
SITE_NAME = env.text("SITE_NAME", "Paperboy")
EDITOR_NAME = env.text("EDITOR_NAME", "the editors")
SITE_HOST = urlsplit(SITE_URL).hostname or "localhost"
DEBUG = env.flag("DEBUG", default=False)

# A laptop: reached only from this machine, and DEBUG is not false. Here a secret key is generated,
# mail is kept in a folder, and /inbox/ shows it.
LOCAL = SITE_HOST in {"127.0.0.1", "localhost", "::1"} and env.flag("DEBUG", default=True)


def local_secret_key() -> str:
    """Return the key of a laptop, made on the first start and kept in ``VAR_DIR``."""
    path = VAR_DIR / "secret_key"
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path} cannot be written ({error.strerror}); set VAR_DIR to a folder that can."
        ) from error
    return path.read_text().strip()


SECRET_KEY = env.text("SECRET_KEY") or (local_secret_key() if LOCAL else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Make one with: "
        "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = [SITE_HOST, "127.0.0.1", "localhost", "[::1]", *env.words("ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [SITE_URL]
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
HTTPS = SITE_URL.startswith("https://")

INSTALLED_APPS = [
    "newsletter.apps.NewsletterConfig",
    "papers.apps.PapersConfig",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "newsletter.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "anymail",
    "csp",
]

MIDDLEWARE = [
    "newsletter.web.middleware.numbered",
    "newsletter.web.middleware.utf8_forms",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]

ROOT_URLCONF = "newsletter.urls"
WSGI_APPLICATION = "newsletter.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "newsletter.web.context_processors.branding",
            ],
        },
    },
    {
        # Subjects and plain text: nothing to escape, so an engine that escapes nothing.
        "NAME": "text",
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"autoescape": False},
    },
]

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'paperboy.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # FULL: a mail that has left must not be queued again after a power cut. NORMAL would be safe
    # against a killed process only, and save 3 ms for each round of mails.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    # A file like the real one: Django's in-memory test database knows no WAL and no waiting.
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
else:
    # Behind PgBouncer in transaction mode: nothing that belongs to one server connection.
    DATABASE_POOLED = env.flag("DATABASE_POOLED", default=False)
    DATABASES["default"] |= {
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": DATABASE_POOLED,
    }
    # A client that was lost inside a transaction keeps its row locks no longer than 15 s. The plan
    # of a prepared statement is made once: the rounds of a sender differ in nothing but their size.
    SESSION_OPTIONS = (
        "-c idle_in_transaction_session_timeout=15s -c plan_cache_mode=force_generic_plan"
    )
    # A database host that died or lost its network is noticed within 25 s, not after two hours.
    DATABASES["default"]["OPTIONS"] = {
        # The statements that a sender repeats all day are parsed and planned once a connection.
        "prepare_threshold": None if DATABASE_POOLED else 5,
        "connect_timeout": 10,
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,  # milliseconds
        **({} if DATABASE_POOLED else {"options": SESSION_OPTIONS}),
        **DATABASES["default"].get("OPTIONS", {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Mail: Anymail's own settings, or one SMTP server, or the folder var/mail/.
MAIL_DIR = VAR_DIR / "mail"
ANYMAIL: dict[str, Any] = {
    # A hidden second try is a second mail: delivery alone decides what is tried again.
    "AMAZON_SES_CLIENT_PARAMS": {
        "config": {
            "retries": {"total_max_attempts": 1},
            "connect_timeout": 10,
            "read_timeout": 60,
        }
    },
    "REQUESTS_TIMEOUT": (10, 60),
    **env.anymail(),
    "DEBUG_API_REQUESTS": False,
}
# The backends that others offer, in the form that is safe to repeat and that the provider takes.
SAFE_BACKENDS = {
    "django.core.mail.backends.smtp.EmailBackend": "newsletter.mail.backends.smtp.EmailBackend",
    "anymail.backends.brevo.EmailBackend": "newsletter.mail.backends.brevo.EmailBackend",
    "anymail.backends.mailersend.EmailBackend": "newsletter.mail.backends.mailersend.EmailBackend",
    "anymail.backends.mailjet.EmailBackend": "newsletter.mail.backends.mailjet.EmailBackend",
    "anymail.backends.postal.EmailBackend": "newsletter.mail.backends.postal.EmailBackend",
    "anymail.backends.resend.EmailBackend": "newsletter.mail.backends.resend.EmailBackend",
    # Paths of before the backends had a package, which installations still name in their .env.
    "newsletter.smtp.EmailBackend": "newsletter.mail.backends.smtp.EmailBackend",
    "newsletter.mailbox.EmailBackend": "newsletter.mail.backends.file.EmailBackend",
    "newsletter.brevo.EmailBackend": "newsletter.mail.backends.brevo.EmailBackend",
    "newsletter.mailersend.EmailBackend": "newsletter.mail.backends.mailersend.EmailBackend",
    "newsletter.mailjet.EmailBackend": "newsletter.mail.backends.mailjet.EmailBackend",
    "newsletter.postal.EmailBackend": "newsletter.mail.backends.postal.EmailBackend",
    "newsletter.resend.EmailBackend": "newsletter.mail.backends.resend.EmailBackend",
}
# Django's own EmailMessage and SMTP client instead of ours: slower, and the MIME boundary of a
# retry is another one.
DJANGO_MAIL = env.flag("DJANGO_MAIL", default=False)
if DJANGO_MAIL:
    DJANGO_SMTP = "django.core.mail.backends.smtp.EmailBackend"
    SAFE_BACKENDS |= {DJANGO_SMTP: DJANGO_SMTP, "newsletter.smtp.EmailBackend": DJANGO_SMTP}
if env.text("EMAIL_URL"):
    globals().update(env.email("EMAIL_URL"))
    EMAIL_BACKEND = SAFE_BACKENDS["django.core.mail.backends.smtp.EmailBackend"]
else:
    EMAIL_BACKEND = env.text("EMAIL_BACKEND", "newsletter.mail.backends.file.EmailBackend")
    EMAIL_BACKEND = SAFE_BACKENDS.get(EMAIL_BACKEND, EMAIL_BACKEND)
    EMAIL_TIMEOUT = 60
# 0: what suits the provider (newsletter/delivery/provider_limits.py).
MAIL_CONNECTIONS = int(env.number("MAIL_CONNECTIONS"))
MAIL_RATE = env.number("MAIL_RATE")
MAIL_WINDOW = env.number("MAIL_WINDOW")  # Minutes.
# Providers whose webhooks stay open beside that of the sending one, for late events after a change.
WEBHOOK_PROVIDERS = [name.lower() for name in env.words("WEBHOOK_PROVIDERS")]
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"{SITE_NAME} <digest@{SITE_HOST}>")
# Where bounces of mail over SMTP come to, and the address of that mailbox, which gets a tag a mail.
BOUNCE_MAILBOX = env.mailbox("BOUNCE_URL")
BOUNCE_ADDRESS = env.text("BOUNCE_ADDRESS", env.bounce_address(BOUNCE_MAILBOX, DEFAULT_FROM_EMAIL))
REPLY_TO_EMAIL = env.text("REPLY_TO_EMAIL")
NOTICE_FROM_EMAIL = env.text("NOTICE_FROM_EMAIL", DEFAULT_FROM_EMAIL)
SERVER_EMAIL = parseaddr(DEFAULT_FROM_EMAIL)[1]
POSTAL_ADDRESS = env.text("POSTAL_ADDRESS", "Set POSTAL_ADDRESS, 1 Example Street" if LOCAL else "")
CONTACT_EMAIL = env.text("CONTACT_EMAIL", parseaddr(DEFAULT_FROM_EMAIL)[1])
# The address that is notified when something stops, by the backend and the sender of notices.
OPERATOR_EMAIL = env.text("OPERATOR_EMAIL")
# The same by a signed request.
OPERATOR_WEBHOOK = env.url("OPERATOR_WEBHOOK", exact=True)
OPERATOR_WEBHOOK_SECRET = env.webhook_secret("OPERATOR_WEBHOOK_SECRET")
if OPERATOR_WEBHOOK and not OPERATOR_WEBHOOK_SECRET:
    raise ImproperlyConfigured(
        "OPERATOR_WEBHOOK_SECRET is not set, and OPERATOR_WEBHOOK needs it. Make one with: "
        f"{env.WEBHOOK_KEY_COMMAND}"
    )
# Events of providers are kept for so many days; 0 keeps them for good.
EVENT_DAYS = env.number("EVENT_DAYS", 180)
# Digests likewise. A fresher one holds papers that are still candidates.
DIGEST_DAYS = env.number("DIGEST_DAYS")
LEAST_DIGEST_DAYS = 60
if 0 < DIGEST_DAYS < LEAST_DIGEST_DAYS:
    raise ImproperlyConfigured(
        f"DIGEST_DAYS is {DIGEST_DAYS:g}; write {LEAST_DIGEST_DAYS} or more, or 0 to keep all."
    )
# A paper that nobody met is kept for so many days; 0 keeps it for good.
PAPER_DAYS = env.number("PAPER_DAYS", 90)
SENTRY_DSN = env.text("SENTRY_DSN")
METRICS_TOKEN = env.text("METRICS_TOKEN")
SEMANTIC_SCHOLAR_API_KEY = env.text("SEMANTIC_SCHOLAR_API_KEY")
OPENALEX_API_KEY = env.text("OPENALEX_API_KEY")
# The worker asks no source by itself: papers come from files and from `ingest` alone.
OFFLINE = env.flag("OFFLINE", default=False)
# Answers in the place of every source, under /<host of the source>/: for trials with saved answers.
SOURCES_MIRROR = env.local_server("SOURCES_MIRROR")
if SOURCES_MIRROR and not LOCAL:
    raise ImproperlyConfigured("SOURCES_MIRROR is for trials on a laptop; unset it in production.")
# After so many days a reader's like weighs half as much as a new one.
LIKE_HALF_LIFE_DAYS = env.number("LIKE_HALF_LIFE_DAYS", 90, least=1)

# The tables are the queue: a message that the broker loses delays work and loses none. So tasks
# are acknowledged early: with late acknowledgement a restart of Redis under a task
# ended the worker.
REDIS_URL = env.redis("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000  # With the prefork pool only.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # For ever.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"socket_timeout": 5, "socket_connect_timeout": 1, "socket_keepalive": True}
    if REDIS_URL
    else {"polling_interval": 0.1}
)

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = "newsletter.formats"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_ROOT = BASE_DIR / "templates" / "root"  # What browsers ask for by its plain name.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Papers of lists as HTML, of about 4 kB each; {% cache %} looks for this name.
    "template_fragments": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "template fragments",
        "OPTIONS": {"MAX_ENTRIES": 2000},
    },
}
STORAGES = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

SECURE_SSL_REDIRECT = False  # A redirect would break one-click unsubscribe; the proxy decides.
SILENCED_SYSTEM_CHECKS = [
    "security.W008",  # That redirect.
    # Both bind names beyond this site, and the preload list cannot be left for months: the owner
    # of the domain decides, by HSTS_SUBDOMAINS and HSTS_PRELOAD.
    "security.W005",
    "security.W021",
]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("HSTS_PRELOAD", default=False)
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
APPEND_SLASH = False
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LOGIN_REDIRECT_URL = "admin:index"
OTP_TOTP_ISSUER = SITE_NAME
UNFOLD = {
    "SITE_TITLE": SITE_NAME,
    "SITE_HEADER": SITE_NAME,
    "SITE_ICON": lambda _request: static("favicon.svg"),
    "SIDEBAR": {"navigation": "newsletter.admin.navigation.sidebar"},
    "DASHBOARD_CALLBACK": "newsletter.admin.dashboard.dashboard",
    "SITE_FAVICONS": [{"rel": "icon", "href": lambda _request: static("favicon.svg")}],
    "STYLES": [lambda _request: static("admin.css")],
    "SCRIPTS": [lambda _request: static("admin.js")],
    "COLORS": {"primary": palette.ACCENT, "base": palette.PAPER},
}

# One handler writes everything, with a filter that removes tokens, addresses and keys.
LOG_FORMAT = env.choice("LOG_FORMAT", "line", {"line", "json"})
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "scrub": {"()": "newsletter.security.log_scrubbing.Scrub"},
        "request": {"()": "newsletter.conf.log_format.RequestId"},
    },
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "newsletter.conf.log_format.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["request", "scrub"],
        }
    },
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", "INFO")},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "propagate": True},
        # It warns of each request that waits for a thread.
        "waitress.queue": {"level": "ERROR"},
    },
}
