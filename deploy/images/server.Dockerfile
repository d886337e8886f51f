# muster/server: the service, its command line and the authorizer. From the root of the checkout:
#   docker build -f deploy/images/server.Dockerfile -t muster/server:0.1.0 .
# Decision 0028 says why these bases. Another registry's copy of the same image is given with --build-arg.
ARG BUILD_BASE=docker.io/library/node:26.10.0-trixie-slim@sha256:ec7758ee051e457b468b32bde57b0879010b325bb9862718e9615225ce4aaae1
ARG RUNTIME_BASE=gcr.io/distroless/cc-debian13:nonroot@sha256:e792ab3d241a468a4fd7519ddbbebe66b49b5f365771716ea688ad40b6c6f1c2

# Everything that goes into the image is put below /image, where it will be.
FROM ${BUILD_BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --loglevel=error
# The runtime that package-lock.json pins, and the one library of it that the base lacks. The PKCS #11 binding is for a host with an HSM.
RUN mkdir -p /image/usr/bin /image/usr/lib/muster \
    && cp node_modules/node-linux-*/bin/node /image/usr/lib/muster/node \
    && (cd / && cp -a --parents usr/lib/*-linux-gnu/libatomic.so.1* /image) \
    && rm -rf node_modules/node-linux-* node_modules/pkcs11js node_modules/.bin \
    && mv node_modules package.json /image/usr/lib/muster/
COPY attestation /image/usr/lib/muster/attestation
COPY cli /image/usr/lib/muster/cli
COPY core /image/usr/lib/muster/core
COPY pki /image/usr/lib/muster/pki
COPY protocol /image/usr/lib/muster/protocol
COPY services /image/usr/lib/muster/services
COPY tpm2 /image/usr/lib/muster/tpm2
COPY deploy/images/muster /image/usr/bin/muster
RUN mkdir -m 0700 -p /state/muster /volumes/operator /volumes/muster /volumes/openbao /volumes/openbao-data /volumes/postgres \
    /volumes/postgres-data /volumes/prometheus /volumes/prometheus-data /volumes/node

FROM ${RUNTIME_BASE} AS runtime
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /state/muster /var/lib/muster
LABEL org.opencontainers.image.title="muster" \
    org.opencontainers.image.description="Decides which machines may become Kubernetes nodes" \
    org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
WORKDIR /var/lib/muster

# muster/setup: makes what docker-compose.yml needs. For trying out, and in no other image.
FROM runtime AS setup
COPY --from=build --chown=65532:65532 /volumes /volumes
COPY scripts/containers /usr/lib/muster/scripts/containers
HEALTHCHECK NONE
ENTRYPOINT ["/usr/lib/muster/node", "/usr/lib/muster/scripts/containers/setup.ts"]

FROM runtime AS server
EXPOSE 7443 7444 7445 7447
HEALTHCHECK --interval=10s --timeout=8s --start-period=60s --retries=3 \
    CMD ["/usr/bin/muster", "status", "--config", "/etc/muster/muster.yaml"]
ENTRYPOINT ["/usr/bin/muster"]
CMD ["serve", "--config", "/etc/muster/muster.yaml"]
