import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { systemRandom } from '#core/random.ts';
import { createRootCa } from '#pki/ca-certificates.ts';
import { certificatePem, generateKey } from '#pki/ceremony.ts';
import { localSigner } from '#pki/signer-file.ts';

/** The URL that the kubeconfig will name. Nothing listens there: the demonstration ends where the kubelet begins. */
export const API_SERVER = 'https://127.0.0.1:6443';

/** Writes a CA certificate to stand for the API server's, into `folder`; its key is gone when this returns. */
export async function writeClusterCa(folder: string, now: Date): Promise<string> {
  const plan = { organization: 'demonstration', commonName: 'Cluster CA', lifetimeDays: 30 };
  const { certificate } = await createRootCa('management-ca', plan, localSigner(await generateKey()), {
    now,
    random: systemRandom,
  });
  await writeFile(join(folder, 'cluster-ca.pem'), certificatePem(certificate));
  return 'cluster-ca.pem';
}
