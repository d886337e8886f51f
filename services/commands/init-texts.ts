import { LAYOUT } from './init-layout.ts';
import type { InitPlan } from './init-plan.ts';

/** A JSON string is a YAML string, whatever is in it. */
const quote = (text: string): string => JSON.stringify(text);

/** The server's configuration. */
export function renderServerConfig({ name, kubernetes, ports, passphraseFile }: InitPlan): string {
  return `# The service's configuration. Paths are relative to this file; docs/configuration.md describes every member.
apiVersion: muster/v1
kind: ServerConfig

# Every quote is bound to this string; the agents have the same one in their configuration.
audience: ${quote(name)}

listeners:
  # Where nodes join. Loopback until you set the address that your nodes reach.
  node:
    host: 127.0.0.1
    port: ${ports.node}
    certificate: ${LAYOUT.serverCertificate}
    key: ${LAYOUT.serverKey}
  # Where administrators call, each with a certificate from the management CA.
  admin:
    host: 127.0.0.1
    port: ${ports.admin}
    certificate: ${LAYOUT.serverCertificate}
    key: ${LAYOUT.serverKey}
    clientCa: ${LAYOUT.managementCa}
    administrators: ${LAYOUT.administrators}

issuer:
  chain: ${LAYOUT.nodeChain}
  signer:
    kind: file
    key: ${LAYOUT.nodeIssuingKey}
    passphrase:
      kind: file
      path: ${quote(passphraseFile ?? LAYOUT.passphrase)}

store:
  kind: sqlite
  path: ${LAYOUT.database}

tickets:
  key: ${LAYOUT.ticketKey}

policy: ${LAYOUT.policy}

# What joined nodes are told of their cluster.
kubernetes:
  apiServer: ${quote(kubernetes.apiServer)}
  ca: ${LAYOUT.kubernetesCa}

# What the authorizers beside the API servers follow. Nodes that Muster does not manage must be named here, or
# they are denied: the control plane's own, where they did not join through Muster.
snapshot:
  key: ${LAYOUT.snapshotKey}
  unmanagedNodes: []
`;
}

/** The first policy: valid, and admits nobody until someone has said where from, whose TPMs, and in which state. */
export function renderPolicy(): string {
  return `# Which machines may join, and what each must prove. Read whole or refused whole: after an edit run
#   muster policy check ${LAYOUT.policy}
# Where a list is empty, nothing is accepted.
apiVersion: muster/v1
kind: Policy

pools:
  general:
    # default, protected or highly-protected: the two others ask for a hardware TPM with its maker's certificate.
    protectionRating: default

    # The networks that this pool's nodes join from. Checked before anything else.
    segments:
      - 127.0.0.0/8
      - ::1/128

    # 15m to 24h. Renewal is a new attestation, so this is how long a node that lost its integrity can still pass.
    certificateTtl: 8h

    tpm2:
      bank: sha256

      # What the quote covers. 0-3 firmware, 4-5 boot loader and partition table, 7 Secure Boot, 8-9 kernel
      # and initrd where GRUB measures them.
      pcrs: [0, 1, 2, 3, 4, 5, 7]

      # Files of known-good values, under ${LAYOUT.referenceValues}/. A node's PCRs must match one of them whole. How to get the
      # first: let a machine that you trust join; it is refused, for there is nothing to compare it with; then
      #   muster reference capture --join <request id> --out ${LAYOUT.referenceValues}/general.yaml
      # review that file, and name it here.
      referenceValues: []

      # PEM files of TPM makers' certificate authorities, under ${LAYOUT.ekAnchors}/. A node's EK certificate must chain to one.
      ekAnchors: []

      # True for TPMs without a certificate, enrolled by the hash of their EK. It is the enrolment alone that vouches for them.
      allowEkWithoutCertificate: false

      # True for swtpm and simulators: a software TPM protects nothing from whoever runs it. For laboratories.
      allowSoftwareTpm: false

    # What the node's kubelet registers with.
    nodeLabels: {}
    registerWithTaints: []

# PEM files of the Ed25519 keys that sign reference values (muster reference keygen makes one). With one of them here, unsigned files
# are refused in every pool; protected pools take signed ones only in any case.
referenceSigners: []

# EKs that no pool admits, whatever their certificates say, by SHA-256 of their SubjectPublicKeyInfo.
deniedEks: []
`;
}

/** The list of administrators, with its first. The authorizers stand on it too. */
export function renderAdministrators(listed: readonly (readonly [name: string, fingerprint: string])[]): string {
  return `# Whose certificates count. Read on every request: take a line out, and that person is refused at once.
apiVersion: muster/v1
kind: Administrators
administrators:
${listed.map(([name, fingerprint]) => `  - name: ${quote(name)}\n    fingerprint: ${quote(fingerprint)}\n`).join('')}`;
}

/** The administrator's context file. */
export function renderContext({ administrator, ports }: InitPlan): string {
  return `# Which service \`muster\` speaks to, and as whom. Paths are relative to this file. The identity is a secret.
apiVersion: muster/v1
kind: CliContext
admin:
  url: https://127.0.0.1:${ports.admin}
  caFile: ${LAYOUT.managementCa}
  identityFile: ${quote(LAYOUT.identity(administrator))}
`;
}

/** Where other machines reach the service: the first name or address that is not this machine's own. */
function serviceAuthority({ dnsNames, ipAddresses }: Pick<InitPlan, 'dnsNames' | 'ipAddresses'>): string {
  const host =
    dnsNames.find((dns) => dns !== 'localhost') ?? ipAddresses.find((ip) => !['127.0.0.1', '::1'].includes(ip));
  return host === undefined ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
}

/** The agent's configuration, as a node needs it. */
export function renderAgentConfig({ name, dnsNames, ipAddresses, ports }: InitPlan): string {
  return `# The agent's configuration, for every node: copy this directory's three files to /etc/muster/ there.
apiVersion: muster/v1
kind: AgentConfig
services:
  - https://${serviceAuthority({ dnsNames, ipAddresses })}:${ports.node}
serviceCaFile: /etc/muster/service-ca.pem
nodeCaFile: /etc/muster/node-ca.pem
audience: ${quote(name)}
`;
}

/** The authorizer's configuration, as a control-plane host needs it. */
export function renderAuthorizerConfig({ dnsNames, ipAddresses, ports }: InitPlan): string {
  return `# The configuration of \`muster authorizer\`, for every control-plane host: docs/operations/authorizer.md says what
# to make for it. Paths are relative to this file.
apiVersion: muster/v1
kind: AuthorizerConfig
service:
  url: https://${serviceAuthority({ dnsNames, ipAddresses })}:${ports.admin}
  ca: service-ca.pem
  identity: identity.pem
snapshotKey: snapshot.pub
stateDirectory: /var/lib/muster-authorizer
# The API server calls here, with a client certificate of this CA and this name.
listener:
  certificate: webhook.crt
  key: webhook.key
  clientCa: apiserver-client-ca.crt
  clientName: kube-apiserver
`;
}
