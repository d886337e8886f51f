import { type Bytes } from '#core/bytes.ts';
import { createIssuingCa, createRootCa } from '#pki/ca-certificates.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { createIssuer } from '#pki/issuer.ts';
import { createProfile } from '#pki/profile.ts';
import { localSigner } from '#pki/signer-file.ts';

import { fixedKey, fixedRandom } from './fixed-keys.ts';
import { LAB_NOW, labAdmission, labCsr } from './node-ca.ts';

/** The certificate that docs/certificate-profile.md prints, and the CA that signed it. Only signatures differ from run to run. */
export async function exampleCertificate(): Promise<{ readonly issuing: Authority; readonly der: Bytes }> {
  const context = { now: LAB_NOW, random: fixedRandom('example CA') };
  const plan = (commonName: string, lifetimeDays: number) => ({ organization: 'Example', commonName, lifetimeDays });
  const root = await createRootCa(
    'node-root-ca',
    plan('Muster node root CA', 3_650),
    localSigner(fixedKey('root')),
    context,
  );
  const issuingKey = localSigner(fixedKey('issuing'));
  const issuing = await createIssuingCa(plan('Muster node issuing CA', 730), issuingKey, root, context);
  const issuer = createIssuer({
    signer: issuing.signer,
    issuerCertificate: issuing.certificate.der,
    profile: createProfile({ name: 'kubelet-client', maxTtlSeconds: 28_800 }),
    random: fixedRandom('example leaf'),
    caKeys: [root.signer.spki],
  });
  const preparation = issuer.prepare(labAdmission(), labCsr(fixedKey('leaf')), LAB_NOW);
  if (!preparation.ok) throw new Error(preparation.code);
  const { der } = await issuer.sign(preparation.prepared);
  return { issuing, der };
}
