import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { createCrossCertificate, createIssuingCa, createRootCa } from '#pki/ca-certificates.ts';
import { buildCaRequest, verifyCaRequest } from '#pki/ca-request.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { localSigner } from '#pki/signer-file.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { verifyChain } from '#pki/x509/chain.ts';
import { STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import { encodePem, parsePemOf } from '#pki/x509/pem.ts';
import { CLIENT_AUTH } from '#pki/x509/purpose.ts';
import { attime, hasTool } from '#test/lab/foreign-tool.ts';
import { LAB_NOW, labAdmission, labCsr, labIssuer, labKey } from '#test/lab/node-ca.ts';

const context = { now: LAB_NOW, random: systemRandom };
const plan = (commonName: string, lifetimeDays: number) => ({ organization: 'Lab', commonName, lifetimeDays });
const rootCa = (lifetimeDays = 3_650, name = 'Lab node root CA') =>
  createRootCa('node-root-ca', plan(name, lifetimeDays), localSigner(labKey()), context);

interface Generation {
  readonly root: Authority;
  readonly issuing: Authority;
  readonly leaf: Certificate;
}

async function generation(name: string, lifetimeDays?: number): Promise<Generation> {
  const root = await rootCa(lifetimeDays);
  const issuing = await createIssuingCa(plan(name, 365), localSigner(labKey()), root, context);
  const issuer = labIssuer({ root, issuing, management: root });
  const made = issuer.prepare(labAdmission(), labCsr(), LAB_NOW);
  if (!made.ok) throw new Error(made.code);
  return { root, issuing, leaf: parseCertificate((await issuer.sign(made.prepared)).der) };
}

let [old, next]: readonly [Generation?, Generation?] = [];
let crosses: { readonly newUnderOld: Certificate; readonly oldUnderNew: Certificate };
const folder = mkdtempSync(join(tmpdir(), 'muster-cross-'));
beforeAll(async () => {
  [old, next] = [await generation('Lab issuing CA 1', 400), await generation('Lab issuing CA 2')];
  crosses = {
    newUnderOld: await createCrossCertificate(next.root.certificate, old.root, context),
    oldUnderNew: await createCrossCertificate(old.root.certificate, next.root, context),
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const of = (which: 'old' | 'next'): Generation => {
  const found = which === 'old' ? old : next;
  if (found === undefined) throw new Error('made before the tests');
  return found;
};

const COMBINATIONS = [
  ['old', 'old'],
  ['old', 'next'],
  ['next', 'old'],
  ['next', 'next'],
] as const;

describe('two roots that are cross-signed', () => {
  test.for(COMBINATIONS)('lead from a certificate of the %s issuing CA to the %s root', ([issued, trusted]) => {
    const { leaf, issuing } = of(issued);
    const verdict = verifyChain({
      leaf,
      intermediates: [issuing.certificate, crosses.newUnderOld, crosses.oldUnderNew],
      anchors: [of(trusted).root.certificate],
      now: LAB_NOW,
      purpose: CLIENT_AUTH,
      policy: STRICT_CHAIN,
    });
    expect(verdict).toMatchObject({ ok: true });
  });

  test.skipIf(!hasTool('openssl')).for(COMBINATIONS)(
    'have OpenSSL find the way from the %s issuing CA to the %s root',
    ([issued, trusted]) => {
      const { leaf, issuing } = of(issued);
      const write = (name: string, ...certificates: readonly Certificate[]): string => {
        const file = join(folder, name);
        writeFileSync(file, certificates.map(({ der }) => encodePem('CERTIFICATE', der)).join(''));
        return file;
      };
      const untrusted = write('untrusted.pem', issuing.certificate, crosses.newUnderOld, crosses.oldUnderNew);
      const words = ['-CAfile', write('root.pem', of(trusted).root.certificate), '-untrusted', untrusted];
      const purpose = ['-purpose', 'sslclient', '-x509_strict', ...attime(LAB_NOW).map(String)];
      const said = execFileSync('openssl', ['verify', ...purpose, ...words, write('leaf.pem', leaf)], {
        encoding: 'utf8',
      });
      expect(said).toContain('OK');
    },
  );

  test('lead nowhere without the cross-certificate', () => {
    const { leaf, issuing } = of('next');
    const verdict = verifyChain({
      leaf,
      intermediates: [issuing.certificate],
      anchors: [of('old').root.certificate],
      now: LAB_NOW,
      purpose: CLIENT_AUTH,
      policy: STRICT_CHAIN,
    });
    expect(verdict.ok).toBe(false);
  });

  test('end together with whichever root ends first', () => {
    const { notAfter } = of('old').root.certificate;
    expect(crosses.newUnderOld.notAfter).toEqual(notAfter);
    expect(crosses.oldUnderNew.notAfter).toEqual(notAfter);
  });

  test('are not made of one root, nor of two with different names', async () => {
    const { root } = of('old');
    await expect(createCrossCertificate(root.certificate, root, context)).rejects.toThrow('profile-cross-own-key');
    const stranger = await rootCa(3_650, 'Another root CA');
    await expect(createCrossCertificate(stranger.certificate, root, context)).rejects.toThrow('profile-self-signed');
  });
});

describe('a request for an issuing CA', () => {
  test('carries the key to the root, and shows that its holder asked', async () => {
    const signer = localSigner(labKey());
    expect(verifyCaRequest(await buildCaRequest(signer, 'Lab issuing CA 3'))).toEqual(signer.spki);
  });

  test('is refused when somebody else signed it', async () => {
    const pem = await buildCaRequest(localSigner(labKey()), 'Lab issuing CA 3');
    const [der] = parsePemOf('CERTIFICATE REQUEST', pem);
    const forged = Buffer.from(der ?? []);
    const last = forged.length - 1;
    forged.writeUInt8(forged.readUInt8(last) ^ 1, last);
    expect(() => verifyCaRequest(encodePem('CERTIFICATE REQUEST', forged))).toThrow('not signed by its own key');
  });
});
