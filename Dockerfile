# One image for all roles: docker run millrace:0.1.0 ingest | process | serve | doctor --fix | …
FROM node:24.21.0-bookworm-slim@sha256:d6aa754f16b3197301076f047b5def2f02ea1dbbc2ca920407d46d7ec7f87b20 AS dependencies
WORKDIR /app
COPY --chown=0:0 package.json package-lock.json ./
# Without install scripts: the only one among them fetches Node, and that is here already.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf node_modules/node node_modules/.bin/node

FROM node:24.21.0-bookworm-slim@sha256:d6aa754f16b3197301076f047b5def2f02ea1dbbc2ca920407d46d7ec7f87b20
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Millrace" \
      org.opencontainers.image.description="Takes in sensor data from gateways, loses none of what it acknowledged, keeps every customer apart, and serves it." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# No package manager is left. The folders exist with their owner, because a new volume takes over the owner of what it covers.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* /usr/local/bin/yarn /usr/local/bin/yarnpkg \
    && ln -s /app/operate/millrace.js /usr/local/bin/millrace \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/millrace /tokens/read /tokens/write /listener
WORKDIR /app
COPY --chown=0:0 --from=dependencies /app/node_modules ./node_modules
COPY --chown=0:0 package.json ./
COPY --chown=0:0 schemas ./schemas
COPY --chown=0:0 platform ./platform
COPY --chown=0:0 ingest ./ingest
COPY --chown=0:0 stream-processors ./stream-processors
COPY --chown=0:0 query-api ./query-api
COPY --chown=0:0 operate ./operate
COPY --chown=0:0 deploy/healthcheck.ts ./deploy/healthcheck.ts
ENV NODE_ENV=production \
    MILLRACE_DATA_DIR=/var/lib/millrace
# A number, so that a cluster can see that it isn't root.
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=2s --retries=3 CMD ["node", "/app/deploy/healthcheck.ts"]
ENTRYPOINT ["millrace"]
CMD ["--help"]
