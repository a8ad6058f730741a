"""Settings of the project.

Every value that differs between installations comes from the environment, or from .env beside
manage.py. .env.example lists these values with their units and defaults.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, overload

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
if (BASE_DIR / ".env").exists():
    from dotenv import load_dotenv

    load_dotenv(BASE_DIR / ".env")


Number = TypeVar("Number", int, float, Decimal)


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str) -> bool:
    return env(name).lower() in {"1", "true", "yes", "on"}


@overload
def env_number(name: str, default: Number, kind: type[Number]) -> Number: ...
@overload
def env_number(name: str, default: Number | None, kind: type[Number]) -> Number | None: ...
def env_number(name: str, default: Number | None, kind: type[Number]) -> Number | None:
    """Return the variable as a number that is not negative, or `default` if it is empty."""
    text = env(name)
    if not text:
        return default
    try:
        value: Number | None = kind(text)
    except (ValueError, ArithmeticError):
        value = None
    if value is None or not 0 <= value < float("inf"):
        raise ImproperlyConfigured(f"{name}={text!r} is not a valid number for this setting.")
    return value


def secret_key() -> str:
    """Return DJANGO_SECRET_KEY, or else a key that is made for this installation and kept in var/.

    There is no default that somebody else could know.
    """
    if key := env("DJANGO_SECRET_KEY"):
        return key
    path = STATE_DIR / "secret_key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        if not path.is_file():
            raise ImproperlyConfigured(
                f"There is no secret key: set DJANGO_SECRET_KEY, or make {path.parent} writable, "
                f"where a key is made ({error.strerror})."
            ) from None
        # Another process may have created the file and not written it yet.
        for _ in range(100):
            if key := path.read_text().strip():
                return key
            time.sleep(0.01)
        raise ImproperlyConfigured(
            f"{path} is empty: remove it or set DJANGO_SECRET_KEY."
        ) from None
    with os.fdopen(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(50))
    return key


# What is private must not become readable by everybody on this machine: the database, the clips,
# the journal. A web server in front that sends the clips itself reads them through its group.
os.umask(os.umask(0o077) | (0o027 if env("VIDEO_ACCEL_PREFIX") else 0o077))

# -- Django -----------------------------------------------------------------------------------

STATE_DIR = Path(env("VIDEO_STATE_DIR", str(BASE_DIR / "var"))).resolve()
DEBUG = env_bool("DJANGO_DEBUG")
SECRET_KEY = secret_key()
ALLOWED_HOSTS = [
    host.strip()
    for host in env("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
    if host.strip()
]

CSRF_TRUSTED_ORIGINS = [
    origin.strip() for origin in env("DJANGO_TRUSTED_ORIGINS").split(",") if origin.strip()
]
if env_bool("DJANGO_BEHIND_TLS"):
    # A proxy ends TLS and says so in this header, which it must remove from requests from outside.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = env_number("DJANGO_HSTS_SECONDS", 3600, int)
# The domain's owner decides about subdomains and browsers' preload lists.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

INSTALLED_APPS = [
    "django_q",  # before videogen, which replaces its screens in the admin
    "videogen",
    "storybook",
    "storybook.site.ProductionAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
]

MIDDLEWARE = [
    # Whoever watches the installation calls it by any name and without TLS.
    "videogen.views.probes.answer_probes",
    "videogen.common.csp.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Who sends a request to the API is said by its token, and by no cookie.
    "videogen.api.identity.known_by_token",
    # Before anything reads the body; it has to know who sent it.
    "storybook.body_limits.limit_bodies",
    "django.contrib.messages.middleware.MessageMiddleware",
    "videogen.common.setting_names.plain_setting_names",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "videogen.common.absurd_values.AbsurdValueMiddleware",
    "videogen.common.db_retry.DeadlockMiddleware",  # the last one: it runs the view
]

# Where the media lie: in an object store, or where this is empty in the folder MEDIA_ROOT.
MEDIA_STORE_URL = env("MEDIA_STORE_URL")
# Whether the application sends the files itself, because browsers cannot reach the store.
MEDIA_STORE_THROUGH_APP = env_bool("MEDIA_STORE_THROUGH_APP")
_store = None
if MEDIA_STORE_URL:
    from .store_address import read_store_address

    try:
        _store = read_store_address(MEDIA_STORE_URL, os.environ)
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None
    MEDIA_STORE_URL = _store.url

# Everything comes from this site, but pictures and videos also from the object store where browsers
# get them there. Pages contain neither scripts nor styles. data: is for the pictures in Django's
# own style sheets.
_media = f"'self' {_store.origin}" if _store and not MEDIA_STORE_THROUGH_APP else "'self'"
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {_media} data:; "
    f"media-src {_media}; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'none'"
)
DEFAULT_EXCEPTION_REPORTER_FILTER = "videogen.common.error_reports.PasswordFilter"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True

ROOT_URLCONF = "storybook.urls"
WSGI_APPLICATION = "storybook.wsgi.application"

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
            ],
        },
    },
]

DATABASES = {
    "default": dj_database_url.parse(
        env("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}"),
        conn_max_age=600,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Writers queue up instead of failing (IMMEDIATE), readers never wait (WAL), and a committed
    # claim survives a power cut (FULL): it stands for money.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # A host that loses its power or its network closes no connection. The server would keep the
    # host's locks for two hours, and every claim of the other hosts would wait for them; processes
    # that have lost the server would wait for its answers as long. So each side ends a connection
    # whose other side has been silent for about half a minute.
    _ask = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
    _unanswered = {"tcp_user_timeout": 25_000}  # milliseconds
    _at_server: dict[str, int | str] = {f"tcp_{name}": value for name, value in _ask.items()}
    # Compiling a query takes longer than any query of a page.
    _at_server |= {**_unanswered, "jit": "off"}
    # What DATABASE_URL says itself comes first.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 10,
        **_ask,
        **_unanswered,
        "options": " ".join(f"-c {name}={value}" for name, value in _at_server.items()),
    } | DATABASES["default"].get("OPTIONS", {})

# The clusters store their status here, so the processes of one database share this cache, and no
# others do.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": STATE_DIR / "cache",
        "KEY_PREFIX": hashlib.sha256(env("DATABASE_URL", str(BASE_DIR)).encode()).hexdigest()[:12],
    }
}
if redis_url := env("VIDEO_QUEUE_REDIS_URL"):
    if redis_url.startswith(("redis://", "rediss://")):
        # A Redis that is away must not hold up a page. A Redis whose network broke must not hold up
        # a worker that waits for a task. The worker asks anew every second, so after ten seconds
        # without an answer the connection is lost.
        for name, seconds in (("socket_connect_timeout", 3), ("socket_timeout", 10)):
            if f"{name}=" not in redis_url:
                redis_url += f"{'&' if '?' in redis_url else '?'}{name}={seconds}"
    CACHES["default"] |= {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url,
    }

# The first one asks whether somebody has to wait, and knows no users.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = max(1, env_number("DJANGO_LOGIN_FAILURES", 10, int))
AXES_COOLOFF_TIME = timedelta(minutes=env_number("DJANGO_LOGIN_WAIT_MINUTES", 15.0, float))
# Both together: a stranger cannot lock out a person who logs in from elsewhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# A login that is tried during the wait does not make the wait longer: because of an old browser tab
# it might never end.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "storybook.login.client_address"
AXES_LOCKOUT_CALLABLE = "storybook.login.show_wait"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # videogen/admin/login_attempts.py
AXES_VERBOSE = False
# How many proxies of ours a request passes; each appends to X-Forwarded-For.
DJANGO_PROXIES = env_number("DJANGO_PROXIES", 0, int)

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "storybook.date_formats"
TIME_ZONE = env("DJANGO_TIME_ZONE", "UTC")
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = Path(env("DJANGO_STATIC_ROOT", str(BASE_DIR / "static-collected"))).resolve()
# `collectstatic` has been here: the application serves the files itself. Where a web server does,
# it is not asked for them. (`make serve` serves them from where they are written.)
if STATIC_ROOT.is_dir() and not DEBUG:
    MIDDLEWARE.insert(
        MIDDLEWARE.index("django.middleware.security.SecurityMiddleware") + 1,
        "whitenoise.middleware.WhiteNoiseMiddleware",
    )
STORAGES = {
    "default": {"BACKEND": "storybook.object_store.ObjectStore", "OPTIONS": _store.options}
    if _store
    else {"BACKEND": "storybook.media_store.MediaFolder"},
    # These are public, and the web server in front is another user.
    "staticfiles": {
        "BACKEND": "storybook.static_files.PublicStaticFilesStorage",
        "OPTIONS": {"directory_permissions_mode": 0o755, "file_permissions_mode": 0o644},
    },
}
# The folder of the media. Where an object store has them, that of what is being worked on.
MEDIA_ROOT = str(Path(env("MEDIA_ROOT", str(BASE_DIR / "media"))).resolve())
MEDIA_URL = "media/"
# The prefix under which a web server sends the files itself, after the application has said who may
# see them (nginx: an internal location over MEDIA_ROOT). Empty without such a server.
VIDEO_ACCEL_PREFIX = env("VIDEO_ACCEL_PREFIX")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "admin:login"
CSRF_FAILURE_VIEW = "storybook.ended_sessions.refuse_old_page"

# -- The stories that come in --------------------------------------------------------------------

STORY_PICTURE_MAX_BYTES = env_number("STORY_PICTURE_MAX_MEGABYTES", 20, int) * 1024**2
STORY_PICTURE_MAX_PIXELS = env_number("STORY_PICTURE_MAX_MEGAPIXELS", 50, int) * 10**6
STORY_DOCUMENT_MAX_BYTES = env_number("STORY_DOCUMENT_MAX_MEGABYTES", 50, int) * 1024**2
STORY_ZIP_MAX_BYTES = env_number("STORY_ZIP_MAX_MEGABYTES", 2048, int) * 1024**2
STORY_ZIP_MAX_FILES = env_number("STORY_ZIP_MAX_FILES", 20_000, int)
STORY_ZIP_MAX_RATIO = env_number("STORY_ZIP_MAX_RATIO", 200, int)

# What was imported can be saved in the admin, too: there it is indented, which makes it longer.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * STORY_DOCUMENT_MAX_BYTES
# "Delete selected" sends a field for each row. What anybody may send is bounded in body_limits.py.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100_000

# -- The video API -------------------------------------------------------------------------------

VIDEO_BACKEND = env("VIDEO_BACKEND", "simulator")
_DEFAULT_MODELS = {"vertex": "veo-3.1-generate-001", "omni": "gemini-omni-1.1-flash"}
VIDEO_MODEL = env("VIDEO_MODEL") or _DEFAULT_MODELS.get(VIDEO_BACKEND, "veo-3.1-generate-preview")
VIDEO_ASPECT_RATIO = env("VIDEO_ASPECT_RATIO", "16:9")
VIDEO_RESOLUTION = env("VIDEO_RESOLUTION", "1080p")
VIDEO_DURATION_SECONDS = env_number("VIDEO_DURATION_SECONDS", 8, int)
# These are sent if the model takes them; see the table of video models.
VIDEO_SEED = env_number("VIDEO_SEED", None, int)
VIDEO_NEGATIVE_PROMPT = env("VIDEO_NEGATIVE_PROMPT")
VIDEO_PERSON_GENERATION = env("VIDEO_PERSON_GENERATION")
VIDEO_USE_KEY_FRAMES = env("VIDEO_USE_KEY_FRAMES", "1").lower() not in {"0", "false", "no", "off"}
VIDEO_PROMPT_PROFILE = env("VIDEO_PROMPT_PROFILE", "full")
VIDEO_PROMPT_LIMIT_TOKENS = env_number("VIDEO_PROMPT_LIMIT_TOKENS", None, int)
VIDEO_PROMPT_LIMIT_BLOCKS = env_bool("VIDEO_PROMPT_LIMIT_BLOCKS")

VIDEO_SIMULATOR_DIR = STATE_DIR / "simulator"
VIDEO_SIMULATOR_URL = "http://127.0.0.1:8787"
# The SDK itself uses these two names. If both are set, it prefers the first.
GEMINI_API_KEY = (
    env("GOOGLE_API_KEY")
    or env("GEMINI_API_KEY")
    # The simulator takes any key, but it needs one.
    or ("any-key-for-the-simulator" if VIDEO_BACKEND == "simulator" else "")
)
VIDEO_API_BASE_URL = env(
    "GOOGLE_GEMINI_BASE_URL",
    VIDEO_SIMULATOR_URL
    if VIDEO_BACKEND == "simulator"
    else "https://generativelanguage.googleapis.com",
).rstrip("/")

# The SDK itself uses the first three names.
VIDEO_VERTEX_PROJECT = env("GOOGLE_CLOUD_PROJECT") or (
    "simulator" if VIDEO_BACKEND == "simulator" else ""
)
VIDEO_VERTEX_LOCATION = env("GOOGLE_CLOUD_LOCATION", "us-central1")
VIDEO_VERTEX_BASE_URL = env(
    "GOOGLE_VERTEX_BASE_URL",
    VIDEO_API_BASE_URL
    if VIDEO_BACKEND == "simulator"
    else "https://aiplatform.googleapis.com"
    if VIDEO_VERTEX_LOCATION == "global"
    else f"https://{VIDEO_VERTEX_LOCATION}-aiplatform.googleapis.com",
).rstrip("/")
# Where Vertex AI stores the videos: gs://bucket/folder. Without it they are in its answers.
VIDEO_VERTEX_STORAGE_URI = env("VIDEO_VERTEX_STORAGE_URI").rstrip("/")
VIDEO_STORAGE_BASE_URL = env(
    "VIDEO_STORAGE_BASE_URL",
    VIDEO_API_BASE_URL if VIDEO_BACKEND == "simulator" else "https://storage.googleapis.com",
).rstrip("/")

# The hosts from which a video may be downloaded, besides the API's own host.
VIDEO_DOWNLOAD_HOSTS = [
    host.strip().lower()
    for host in env(
        "VIDEO_DOWNLOAD_HOSTS",
        "generativelanguage.googleapis.com,storage.googleapis.com,"
        "*.googleapis.com,*.googleusercontent.com",
    ).split(",")
    if host.strip()
]
VIDEO_POLL_SECONDS = env_number("VIDEO_POLL_SECONDS", 10.0, float)
VIDEO_MAX_IN_FLIGHT = env_number("VIDEO_MAX_IN_FLIGHT", 64, int)
VIDEO_SUBMISSIONS_PER_MINUTE = env_number("VIDEO_SUBMISSIONS_PER_MINUTE", None, int)
VIDEO_SUBMISSIONS_PER_DAY = env_number("VIDEO_SUBMISSIONS_PER_DAY", None, int)
# The account's tier decides how many dollars Google lets through in any ten minutes.
if (tier := env("VIDEO_QUOTA_TIER")) not in ("", "1", "2", "3"):
    raise ImproperlyConfigured(
        f"VIDEO_QUOTA_TIER={tier!r} is not a tier: use 1, 2, 3 or leave it empty."
    )
VIDEO_SPEND_WINDOW_USD = env_number(
    "VIDEO_SPEND_WINDOW_USD",
    {"1": Decimal(10), "2": Decimal(50), "3": Decimal(200)}.get(tier),
    Decimal,
)
VIDEO_SPEND_WINDOW_SECONDS = env_number("VIDEO_SPEND_WINDOW_SECONDS", 600.0, float)
VIDEO_SUBMIT_TIMEOUT_SECONDS = env_number("VIDEO_SUBMIT_TIMEOUT_SECONDS", 60.0, float)
VIDEO_POLL_TIMEOUT_SECONDS = env_number("VIDEO_POLL_TIMEOUT_SECONDS", 30.0, float)
VIDEO_OPERATION_DEADLINE_MINUTES = env_number("VIDEO_OPERATION_DEADLINE_MINUTES", 30.0, float)
VIDEO_RETRY_AUDIO_BLOCK = env_bool("VIDEO_RETRY_AUDIO_BLOCK")
VIDEO_DOWNLOAD_TIMEOUT_SECONDS = env_number("VIDEO_DOWNLOAD_TIMEOUT_SECONDS", 30.0, float)
VIDEO_DOWNLOAD_DEADLINE_MINUTES = env_number("VIDEO_DOWNLOAD_DEADLINE_MINUTES", 25.0, float)
VIDEO_DOWNLOADS_AT_ONCE = max(1, env_number("VIDEO_DOWNLOADS_AT_ONCE", 8, int))
VIDEO_DOWNLOAD_ATTEMPTS = env_number("VIDEO_DOWNLOAD_ATTEMPTS", 5, int)
VIDEO_DOWNLOAD_MAX_BYTES = env_number("VIDEO_DOWNLOAD_MAX_MEGABYTES", 2048, int) * 1024**2
VIDEO_MOST_PATHS = env_number("VIDEO_MOST_PATHS", 200, int)
VIDEO_STILL_SECONDS = env_number("VIDEO_STILL_SECONDS", 3.0, float)
VIDEO_CARD_SECONDS = env_number("VIDEO_CARD_SECONDS", 2.5, float)
VIDEO_RECONCILE_MINUTES = env_number("VIDEO_RECONCILE_MINUTES", 15.0, float)
# The API sends an event to this URL when a video is made, with the token of its submission.
VIDEO_SUBMIT_WEBHOOK_URI = env("VIDEO_SUBMIT_WEBHOOK_URI")
# The secret of a webhook that is registered for the whole project. It signs the events.
VIDEO_RECEIVE_WEBHOOK_SECRET = env("VIDEO_RECEIVE_WEBHOOK_SECRET")
VIDEO_PRICE_USD_PER_SECOND = env_number("VIDEO_PRICE_USD_PER_SECOND", None, Decimal)
VIDEO_BUDGET_USD = env_number("VIDEO_BUDGET_USD", None, Decimal)

# Programs that read /metrics from another machine send this as a bearer token.
VIDEO_METRICS_TOKEN = env("VIDEO_METRICS_TOKEN")

# -- Notices -------------------------------------------------------------------------------------

# The address of this site. Notices are read elsewhere, and their links must lead here.
VIDEO_SITE_URL = env("VIDEO_SITE_URL").rstrip("/")
VIDEO_NOTICE_EMAILS = [
    address.strip() for address in env("VIDEO_NOTICE_EMAILS").split(",") if address.strip()
]
VIDEO_NOTICE_WEBHOOK_URL = env("VIDEO_NOTICE_WEBHOOK_URL")
VIDEO_NOTICE_WEBHOOK_SECRET = env("VIDEO_NOTICE_WEBHOOK_SECRET")
VIDEO_NOTICE_WEBHOOK_TIMEOUT_SECONDS = env_number(
    "VIDEO_NOTICE_WEBHOOK_TIMEOUT_SECONDS", 15.0, float
)

EMAIL_HOST = env("EMAIL_HOST")
EMAIL_PORT = env_number("EMAIL_PORT", 25, int)
EMAIL_HOST_USER = env("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS")
EMAIL_USE_SSL = env_bool("EMAIL_USE_SSL")
# How long a worker waits for a mail server that does not answer. It does nothing else meanwhile.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "webmaster@localhost")
# Without a mail server, mails are printed in debug mode and dropped otherwise.
EMAIL_BACKEND = "django.core.mail.backends." + (
    "smtp.EmailBackend" if EMAIL_HOST else "console.EmailBackend" if DEBUG else "dummy.EmailBackend"
)

# -- The queue -----------------------------------------------------------------------------------

# The queue carries wake-ups only; see videogen/common/task_queue.py. What these values prevent was
# measured; see openspec/specs. videogen/ops/checks.py refuses others.
VIDEO_WORKERS = env_number("VIDEO_WORKERS", 4, int)
Q_CLUSTER: dict[str, Any] = {
    "name": "videogen",
    "workers": VIDEO_WORKERS,
    "timeout": 120,
    "retry": 600,
    "queue_limit": 2,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "poll": 0.2,
    "save_limit": -1,
    "label": "Task queue",
}
# The brokers are django-q2's own, but refuse tasks that are not in videogen/tasks.py.
if redis_url:
    Q_CLUSTER["redis"] = redis_url
    Q_CLUSTER["broker_class"] = "videogen.common.redis_broker.RedisBroker"
else:
    Q_CLUSTER["orm"] = "default"
    Q_CLUSTER["broker_class"] = "videogen.common.own_tasks.OrmBroker"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "videogen.common.log_lines.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "filters": {"secrets": {"()": "videogen.common.log_lines.SecretFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "django.request": {"filters": ["secrets"]},
        "django.security.csrf": {"filters": ["secrets"]},
        "videogen": {"handlers": ["console"], "level": env("VIDEO_LOG_LEVEL", "INFO")},
        "storybook": {"handlers": ["console"], "level": env("VIDEO_LOG_LEVEL", "INFO")},
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        # They would log one line with the whole URL for each request.
        "httpx": {"level": "WARNING"},
        "google_genai": {"level": "WARNING"},
    },
}
