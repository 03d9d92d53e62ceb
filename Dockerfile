# One image for every process: the command says which (see docker-compose.yml).
FROM python:3.12-slim-bookworm AS packages
WORKDIR /app
COPY requirements/base.txt requirements/base.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/base.txt

FROM python:3.12-slim-bookworm
RUN groupadd --system --gid 10001 tongfa \
    && useradd --system --uid 10001 --gid tongfa --home-dir /var/lib/tongfa --create-home tongfa
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY bot/ bot/
COPY config/ config/
COPY tasks/ tasks/
COPY templates/ templates/
RUN printf "%s\n" "#!/bin/sh" "exec python -m bot.cli.main \"\$@\"" > /usr/local/bin/tongfa && chmod 755 /usr/local/bin/tongfa
ENV PATH="/opt/venv/bin:$PATH" \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TONGFA_HOME=/var/lib/tongfa
USER tongfa
VOLUME /var/lib/tongfa
EXPOSE 8000
ENTRYPOINT ["tongfa"]
CMD ["run", "web", "--host", "0.0.0.0", "--port", "8000"]
