import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';

import { mintAdmission } from '#core/admission.ts';
import type { NodeId, NodeName, PoolName, RequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { createIssuingCa, createRootCa } from '#pki/ca-certificates.ts';
import { createIssuer, type Issuer } from '#pki/issuer.ts';
import { createProfile } from '#pki/profile.ts';
import { localSigner } from '#pki/signer-file.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { parseCsr } from '#pki/x509/csr.ts';

import { median } from './measure.ts';

/** Microseconds of one core's time, and the ratio the design aims at: at most 3. */
export interface IssuanceBench {
  /** CSR bytes in, linted and signed certificate out. */
  readonly issuanceMicroseconds: number;
  /** One P-256 verification and one P-256 signature over as many bytes, keys imported beforehand. */
  readonly primitivesMicroseconds: number;
  readonly ratio: number;
}

const WARM_UP_ROUNDS = 4;
const ROUNDS = 9;
const PER_ROUND = 300;
const NOW = new Date('2026-11-21T10:00:00Z');
const TBS_BYTES = 420;

/** Measures both, turn and turn about so that a busy machine slows both, and takes the median round of each. */
export async function benchIssuance(): Promise<IssuanceBench> {
  const issuer = await benchIssuer();
  const csrs = Array.from({ length: PER_ROUND }, () => buildCsr(p256Key()));
  const primitives = primitivesOnce();
  const issuance: number[] = [];
  const raw: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    const issued = await microsecondsPer(PER_ROUND, async () => {
      for (const csr of csrs) await issueOnce(issuer, csr);
    });
    const signed = await microsecondsPer(PER_ROUND, async () => {
      for (let i = 0; i < PER_ROUND; i += 1) primitives();
    });
    if (round < 0) continue;
    issuance.push(issued);
    raw.push(signed);
  }
  const issuanceMicroseconds = median(issuance);
  const primitivesMicroseconds = median(raw);
  return { issuanceMicroseconds, primitivesMicroseconds, ratio: issuanceMicroseconds / primitivesMicroseconds };
}

async function issueOnce(issuer: Issuer, csr: Uint8Array): Promise<void> {
  const admission = mintAdmission({
    nodeId: '6f1c2c1e-52a4-4c0e-8f3e-0a4a55cbe4a1' as NodeId,
    nodeName: 'worker-7' as NodeName,
    pool: 'general' as PoolName,
    protectionRating: 'default',
    ttlSeconds: 28_800,
    requestId: '0d9c3f0a-8a54-4a6c-9c63-7a0e43b0c9de' as RequestId,
  });
  const preparation = issuer.prepare(admission, parseCsr(csr), NOW);
  if (!preparation.ok) throw new Error(`request refused: ${preparation.code}`);
  await issuer.sign(preparation.prepared);
}

async function benchIssuer(): Promise<Issuer> {
  const context = { now: NOW, random: systemRandom };
  const plan = (commonName: string) => ({ organization: 'Bench', commonName, lifetimeDays: 30 });
  const root = await createRootCa('node-root-ca', plan('root'), localSigner(p256Key()), context);
  const { certificate, signer } = await createIssuingCa(plan('issuing'), localSigner(p256Key()), root, context);
  const profile = createProfile({ name: 'kubelet-client', maxTtlSeconds: 28_800 });
  return createIssuer({ signer, issuerCertificate: certificate.der, profile, random: systemRandom, caKeys: [] });
}

const p256Key = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

function primitivesOnce(): () => void {
  const key = p256Key();
  const publicKey = createPublicKey(key);
  const data = systemRandom(TBS_BYTES);
  const signature = sign('sha256', data, key);
  return () => {
    if (!verify('sha256', data, publicKey, signature)) throw new Error('verification failed');
    sign('sha256', data, key);
  };
}

async function microsecondsPer(count: number, run: () => Promise<void>): Promise<number> {
  const start = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / count;
}
