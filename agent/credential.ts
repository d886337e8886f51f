import { join } from 'node:path';

import { type AtomicFileDeps, makePrivateDirectory, replaceFile } from './atomic-file.ts';

/** A kubelet's key with the certificate for it. */
export interface Credential {
  /** PKCS#8 PEM. */
  readonly keyPem: string;
  /** Leaf, then issuer. */
  readonly chainPem: string;
}

/** The one file in the credential directory: key and certificate together, so that no reader can meet one without the other. */
export const credentialFile = (directory: string): string => join(directory, 'node.pem');

/**
 * Puts the credential in its place, readable by its owner alone, and returns the file's path. A process killed at any moment leaves the
 * credential that was there before, or this one. That key and certificate belong together is `checkIssued`'s to establish, before.
 * Throws what the file system throws.
 */
export async function installCredential(
  directory: string,
  credential: Credential,
  deps: AtomicFileDeps,
): Promise<string> {
  await makePrivateDirectory(directory, deps);
  const file = credentialFile(directory);
  // The certificate comes first, as in the file that a kubelet keeps for itself.
  await replaceFile(file, `${endLine(credential.chainPem)}${endLine(credential.keyPem)}`, deps);
  return file;
}

const endLine = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
