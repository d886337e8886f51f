# muster/node-demo: the agent with a software TPM. A software TPM protects nothing from whoever runs it: this is for trying out.
#   docker build -f deploy/images/node-demo.Dockerfile -t muster/node-demo:0.1.0 .
ARG BUILD_BASE=docker.io/library/node:26.10.0-trixie-slim@sha256:ec7758ee051e457b468b32bde57b0879010b325bb9862718e9615225ce4aaae1
ARG RUNTIME_BASE=docker.io/library/debian:trixie-20261005-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f

FROM ${BUILD_BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --loglevel=error
RUN mkdir -p /image/usr/bin /image/usr/lib/muster-agent/node_modules \
    && cp node_modules/node-linux-*/bin/node /image/usr/lib/muster-agent/node \
    && mv node_modules/yaml node_modules/zod /image/usr/lib/muster-agent/node_modules/ \
    && mv package.json /image/usr/lib/muster-agent/
COPY agent /image/usr/lib/muster-agent/agent
COPY core /image/usr/lib/muster-agent/core
COPY pki/x509 /image/usr/lib/muster-agent/pki/x509
COPY protocol /image/usr/lib/muster-agent/protocol
COPY tpm2 /image/usr/lib/muster-agent/tpm2
COPY deploy/images/muster-agent deploy/images/manufacture-tpm /image/usr/bin/
COPY deploy/images/swtpm /image/etc/swtpm-demo
RUN mkdir -m 0700 -p /state/tpm/state /state/tpm/ca /state/run

FROM ${RUNTIME_BASE} AS node-demo
# Debian keeps no older versions to pin: the base image's date says of which day these are at least.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libatomic1 libstdc++6 swtpm swtpm-tools \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 nonroot \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin nonroot
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /state/tpm /var/lib/tpm
COPY --from=build --chown=65532:65532 /state/run /run/tpm
USER 65532:65532
WORKDIR /run/tpm
HEALTHCHECK --interval=10s --timeout=8s --start-period=60s --retries=3 CMD ["test", "-s", "/run/muster-agent/node.pem"]
ENTRYPOINT ["/usr/bin/muster-agent"]
CMD ["run", "--config", "/etc/muster/agent.yaml"]
