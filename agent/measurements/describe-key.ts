import { encodePem } from '#pki/x509/pem.ts';

import type { AtomicFileDeps } from '../atomic-file.ts';
import type { MeasurementsConfig } from '../config.ts';
import { loadSigningKey } from './key-file.ts';
import { measure } from './measure.ts';

/** What an administrator needs of a machine without a TPM: its public key (PEM), and what it measures now. Makes the key where there is none. */
export async function describeKey(config: MeasurementsConfig, json: boolean, deps: AtomicFileDeps): Promise<string> {
  const key = await loadSigningKey(config.keyFile, deps);
  const publicKey = encodePem('PUBLIC KEY', key.spki);
  const measurements = await measure(config);
  if (json) return `${JSON.stringify({ keyId: key.id, publicKey, measurements }, null, 2)}\n`;
  const lines = Object.entries(measurements).map(([name, value]) => `${name.padEnd(12)}  ${value}\n`);
  return `${publicKey}${'key id'.padEnd(12)}  ${key.id}\n${lines.join('')}`;
}
