FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Pango draws the PDFs; a font to draw them with; pg_dump for backups, of the version of docker-compose.yml.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 fonts-noto-core postgresql-client \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

COPY . .
# The key is thrown away with this command; collectstatic signs nothing.
RUN SECRET_KEY=$(python -c "print('thrown-away' * 5)") python manage.py collectstatic --noinput \
    && useradd --system --no-create-home tickets \
    && install -d -o tickets media backups
USER tickets
VOLUME /app/media

EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-m", "tools.healthcheck"]
# Pages; docker-compose.yml runs the sockets' process from the same image (tools/servers.py).
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "16", "--respawn-failed-workers", "--no-ws", "event_ticketing.wsgi:application"]
