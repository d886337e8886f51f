import { expect, test } from 'vitest';

import { checkAudience } from '#agent/doctor/check-audience.ts';
import { createRootCa } from '#pki/ca-certificates.ts';
import { localSigner } from '#pki/signer-file.ts';
import { systemRandom } from '#core/random.ts';
import { LAB_NOW, labKey } from '#test/lab/node-ca.ts';
import { certificatePem } from '#test/lab/service-pki.ts';

async function caOf(organization: string, commonName = 'Muster management CA'): Promise<string> {
  const plan = { organization, commonName, lifetimeDays: 30 };
  const context = { now: LAB_NOW, random: systemRandom };
  return certificatePem((await createRootCa('management-ca', plan, localSigner(labKey()), context)).certificate);
}

test('an audience is in order where muster init gave the service’s CA the same name', async () => {
  const check = checkAudience({ audience: 'muster', serviceCa: await caOf('muster') });
  expect(check).toMatchObject({ status: 'ok', finding: '"muster", the name in the service’s CA' });
});

test('an audience that is not the name in the service’s CA is a warning that says where the right one stands', async () => {
  const check = checkAudience({ audience: 'mustr', serviceCa: await caOf('muster') });
  expect(check).toMatchObject({ status: 'warn', finding: '"mustr", while the service’s CA was made for "muster"' });
  expect(check.advice).toContain('muster.yaml');
});

test('one of several CAs that has the name is enough', async () => {
  const serviceCa = `${await caOf('other')}${await caOf('muster')}`;
  expect(checkAudience({ audience: 'muster', serviceCa }).status).toBe('ok');
});

test('of a CA that muster init did not make, nothing is concluded, and that is said', async () => {
  const check = checkAudience({ audience: 'muster', serviceCa: await caOf('Example Ltd', 'Example TLS CA') });
  expect(check).toMatchObject({ status: 'ok' });
  expect(check.finding).toContain('nonce-mismatch');
});
