import { dirname } from 'node:path';

import { stringify } from 'yaml';

import { utf8 } from '#core/bytes.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import type { JoinResponse } from '#protocol/join.ts';

import { type AtomicFileDeps, makeDirectory, replaceFile } from './atomic-file.ts';
import type { CredentialDelivery } from './config.ts';

/** The one version of the interface between Kubernetes clients and credential plugins that is spoken here. */
export const EXEC_API_VERSION = 'client.authentication.k8s.io/v1';

/** The cluster as the answer describes it, or what about the description no kubelet could use. */
export type ClusterCheck = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Establishes that the API server's address is an https URL, and its CAs are PEM certificates and at least one. */
export function checkCluster({ apiServer, caPem }: JoinResponse['kubernetes']): ClusterCheck {
  const url = URL.parse(apiServer);
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    return { ok: false, reason: `its API server address "${apiServer.slice(0, 100)}" is not an https URL` };
  }
  try {
    parsePemOf('CERTIFICATE', caPem);
    return { ok: true };
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    return { ok: false, reason: 'its cluster CA is not a PEM file of certificates' };
  }
}

export interface KubeconfigUser {
  readonly delivery: CredentialDelivery;
  readonly credentialFile: string;
}

/**
 * The kubelet's kubeconfig. Key and certificate are never written inline. As files they are both named as the same one, so that the kubelet
 * reads it again when a later join has replaced it; from the plugin they come with each start of it.
 */
export function renderKubeconfig(answer: Pick<JoinResponse, 'node' | 'kubernetes'>, how: KubeconfigUser): string {
  const { node, kubernetes } = answer;
  const user = `system:node:${node.name}`;
  const ca = Buffer.from(utf8(kubernetes.caPem)).toString('base64');
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'muster', cluster: { server: kubernetes.apiServer, 'certificate-authority-data': ca } }],
      users: [{ name: user, user: renderUser(how) }],
      contexts: [{ name: 'muster', context: { cluster: 'muster', user } }],
      'current-context': 'muster',
    },
    { lineWidth: 0 },
  );
}

function renderUser({ delivery, credentialFile }: KubeconfigUser): object {
  if (delivery.kind === 'files') return { 'client-certificate': credentialFile, 'client-key': credentialFile };
  return {
    exec: {
      apiVersion: EXEC_API_VERSION,
      command: delivery.command,
      args: ['credential', '--config', delivery.configFile],
      interactiveMode: 'Never',
      provideClusterInfo: false,
    },
  };
}

/** Replaces the kubeconfig at `file`, mode 0600; its directory is made if it is not there. Throws what the file system throws. */
export async function writeKubeconfig(file: string, text: string, deps: AtomicFileDeps): Promise<void> {
  await makeDirectory(dirname(file), 0o755, deps);
  await replaceFile(file, text, deps);
}
