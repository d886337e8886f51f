import { dirname } from 'node:path';

import { stringify } from 'yaml';

import { utf8 } from '#core/bytes.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import type { JoinResponse } from '#protocol/join.ts';

import { type AtomicFileDeps, makeDirectory, replaceFile } from './atomic-file.ts';

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

/**
 * The kubelet's kubeconfig. Key and certificate are both named as the same file and never written inline, so that the kubelet reads the
 * file again when a later join has replaced it.
 */
export function renderKubeconfig(answer: Pick<JoinResponse, 'node' | 'kubernetes'>, credential: string): string {
  const { node, kubernetes } = answer;
  const user = `system:node:${node.name}`;
  const ca = Buffer.from(utf8(kubernetes.caPem)).toString('base64');
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'muster', cluster: { server: kubernetes.apiServer, 'certificate-authority-data': ca } }],
      users: [{ name: user, user: { 'client-certificate': credential, 'client-key': credential } }],
      contexts: [{ name: 'muster', context: { cluster: 'muster', user } }],
      'current-context': 'muster',
    },
    { lineWidth: 0 },
  );
}

/** Replaces the kubeconfig at `file`, mode 0600; its directory is made if it is not there. Throws what the file system throws. */
export async function writeKubeconfig(file: string, text: string, deps: AtomicFileDeps): Promise<void> {
  await makeDirectory(dirname(file), 0o755, deps);
  await replaceFile(file, text, deps);
}
