# syntax=docker/dockerfile:1
# Two stages: one builds the environment and the static files, the other only runs them.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY requirements requirements
RUN python -m venv /venv \
    && /venv/bin/pip install --require-hashes -r requirements/ses.txt -r requirements/resend.txt \
    && /venv/bin/pip install --no-deps -e .
COPY . .
# The key and the address serve this one command, which needs some; none is kept.
RUN SECRET_KEY=build SITE_URL=https://build.invalid VAR_DIR=/tmp/var \
    /venv/bin/python manage.py collectstatic --no-input

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VAR_DIR=/data
RUN useradd --system --uid 10001 --home-dir /data --create-home paperboy
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER paperboy
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "newsletter.process.web_server", "--bind", "0.0.0.0:8000"]
