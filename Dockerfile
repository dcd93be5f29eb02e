# The shop for containers. compose.yaml runs it with all that it needs; docs/operations.md says how.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/shop
RUN python -m venv .venv
# requirements-s3.txt for pictures in a bucket, requirements-rq.txt for TASK_ENGINE=rq
ARG REQUIREMENTS=requirements.txt
COPY requirements*.txt ./
RUN .venv/bin/pip install --only-binary :all: -r ${REQUIREMENTS}
COPY . .
# The values are for this command only: a shop that is not in development does not start without them. The translations
# are compiled already.
RUN DEBUG=off SECRET_KEY=for-the-build-only SITE_URL=http://127.0.0.1 ALLOWED_HOSTS=127.0.0.1 \
    STRIPE_SECRET_KEY=sk_test_build STRIPE_API_BASE=http://127.0.0.1:9 VAR_DIR=/var/lib/shop \
    .venv/bin/python manage.py collectstatic --noinput -v 0 && \
    .venv/bin/python -m compileall -q accounts addresses billing carts core ecommerce orders products && \
    mkdir /var/lib/shop-proxy

FROM python:${PYTHON}-slim-bookworm
RUN groupadd --system --gid 10001 shop && \
    useradd --system --uid 10001 --gid shop --home-dir /var/lib/shop --no-create-home --shell /usr/sbin/nologin shop
WORKDIR /opt/shop
# The code belongs to root, so the shop cannot change it. It writes only to its two folders.
COPY --from=build /opt/shop /opt/shop
COPY --from=build --chown=shop:shop /var/lib/shop /var/lib/shop
COPY --from=build --chown=shop:shop /var/lib/shop-proxy /var/lib/shop-proxy
ENV PATH=/opt/shop/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DEBUG=off VAR_DIR=/var/lib/shop WEB_BIND=0.0.0.0:8000
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["gunicorn"]
