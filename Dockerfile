# FinFlow for production: one image for web, worker, beat and migrations (docker-compose.yml).
# Nothing secret is needed to build it, and nothing secret is in it.

FROM python:3.11-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv /opt/finflow \
    && /opt/finflow/bin/pip install --require-hashes --no-deps --requirement /tmp/requirements.lock

FROM python:3.11-slim
ENV PATH=/opt/finflow/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings.production \
    FINFLOW_MEDIA_DIR=/data/media \
    FILE_DROP_DIR=/data/drop \
    _RJEM_MALLOC_CONF=dirty_decay_ms:1000,muzzy_decay_ms:0
RUN groupadd --gid 10001 finflow \
    && useradd --uid 10001 --gid finflow --no-create-home --home-dir /data --shell /usr/sbin/nologin finflow \
    && install --directory --owner finflow --group finflow --mode 700 /data /data/media /data/drop
COPY --from=packages /opt/finflow /opt/finflow
# The code belongs to root: the processes cannot change it.
WORKDIR /app
COPY . .
RUN python manage.py collectstatic --noinput --verbosity 0
USER 10001:10001
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", \
     "--workers", "2", "--blocking-threads", "8", "--backpressure", "64", \
     "config.wsgi:application"]
