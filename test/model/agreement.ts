import { expect } from 'vitest';

import { AUDIT_GENESIS, auditHash } from '#core/audit-record.ts';
import { isSerial } from '#core/ids.ts';
import type { JoinRequest } from '#protocol/join.ts';
import { parseCrl } from '#pki/x509/crl.ts';
import { ocspStatus } from '#services/revocation/ocsp-answers.ts';
import type { CertificateRecord } from '#services/store/store.ts';
import { nodeName } from '#test/lab/join-lab.ts';

import { authorizerPasses, type ExpectedCertificate, type ExpectedLives, presentLife } from './expected.ts';
import { type Name, NAMES, type World } from './world.ts';

/** The join that a machine sent last. */
export interface LastJoin {
  readonly request: JoinRequest;
  readonly isTaken: boolean;
  readonly expiresAt: Date;
  /** What it earned. */
  readonly certificate: ExpectedCertificate | undefined;
}

/** How everything should be. */
export interface Model {
  readonly lives: Map<Name, ExpectedLives>;
  readonly last: Map<Name, LastJoin>;
  /** Fingerprints that the authorizer let pass. */
  readonly used: Set<string>;
  /** The newest list's number. */
  crlNumber: number;
  /** Serials that stood in a list past their expiry. */
  readonly stoodExpired: Set<string>;
}

/** What a step has done: the records that it must leave, and its answer beside the one expected. */
export interface Agreement {
  readonly records: readonly string[];
  readonly answer: readonly [found: string, expected: string];
  /** A record that may follow the others or not. */
  readonly maybe?: string;
}

export const livesOf = (model: Model, name: Name): ExpectedLives => {
  const lives = model.lives.get(name);
  if (lives === undefined) throw new Error(`no lives of ${name}`);
  return lives;
};

/** Every certificate under a name, whichever machine's life it belongs to. */
export async function certificatesOf(world: World, name: Name): Promise<readonly CertificateRecord[]> {
  return world.store.pageCertificates({ nodeName: nodeName(name) }, { limit: 1_000 });
}

/** Inventory, certificates, list, OCSP, authorizer and audit log say what the model says, each asked on its own. */
export async function assertAgreement(model: Model, world: World, done: Agreement): Promise<void> {
  expect(done.answer[0], 'the answer').toBe(done.answer[1]);
  await assertRecords(world, done);
  await world.publisher.refresh();
  await world.followChanges();
  const all = NAMES.flatMap((name) => livesOf(model, name).flatMap(({ certificates }) => certificates));
  assertList(model, world, all);
  for (const name of NAMES) await assertNode(model, world, name);
}

async function assertRecords(world: World, { records, maybe }: Agreement): Promise<void> {
  const found = await world.store.readAudit(world.audit.length, 1_000);
  for (const record of found) {
    expect(record.previousHash, 'the chain').toBe(world.audit.at(-1)?.hash ?? AUDIT_GENESIS);
    expect(auditHash(record), 'the seal').toBe(record.hash);
    world.audit.push(record);
  }
  // A machine that waits is told of when it is first seen, and when what it proves has changed.
  const types = found.map(({ type }) => type).filter((type) => type !== 'candidate.queued');
  if (maybe !== undefined && types.length > records.length) expect(types.pop()).toBe(maybe);
  expect(types, 'audit records').toEqual(records);
  const { sequence, hash } = await world.store.auditHead();
  expect({ sequence, hash }).toEqual({ sequence: world.audit.length, hash: world.audit.at(-1)?.hash });
}

function assertList(model: Model, world: World, all: readonly ExpectedCertificate[]): void {
  const served = world.publisher.current();
  if (served === undefined) throw new Error('a list is served');
  expect(served.number, 'the list’s number').toBeGreaterThanOrEqual(model.crlNumber);
  model.crlNumber = served.number;
  const { entries } = parseCrl(served.der);
  const expected = new Map(all.map((one) => [one.serial, one]));
  for (const [serial, { reason }] of entries) {
    expect(reason, `reason of ${serial} on the list`).toBe(expected.get(serial)?.reason ?? 'not to be listed');
    if ((expected.get(serial)?.notAfter ?? served.thisUpdate) < served.thisUpdate) model.stoodExpired.add(serial);
  }
  for (const { serial, reason, standing } of all) {
    const isListed = entries.has(serial) || model.stoodExpired.has(serial);
    expect(isListed, `${standing} ${serial} on the list`).toBe(reason !== undefined || model.stoodExpired.has(serial));
  }
}

const STATES = { signing: 'signing', issued: 'issued', held: 'revoked', revoked: 'revoked', orphaned: 'orphaned' };

async function assertNode(model: Model, world: World, name: Name): Promise<void> {
  const lives = livesOf(model, name);
  const present = presentLife(lives);
  const record = await world.store.findNodeByName(nodeName(name));
  expect(record?.state, `${name} in the inventory`).toBe(present?.state);

  const certificates = lives.flatMap((life) => life.certificates);
  const found = await certificatesOf(world, name);
  const states = (pairs: readonly (readonly [string, string])[]) => pairs.map((pair) => pair.join(' ')).toSorted();
  expect(states(found.map(({ serial, state }) => [serial, state]))).toEqual(
    states(certificates.map(({ serial, standing }) => [serial, STATES[standing]])),
  );
  for (const { serial, standing } of certificates) {
    if (!isSerial(serial)) throw new Error('it has a serial');
    const { status } = await ocspStatus(world.store, serial, world.authority);
    expect(status, `OCSP of ${serial}, ${standing}`).toBe(standing === 'issued' ? 'good' : 'revoked');
  }
  assertDecisions(model, world, name);
  // No certificate without a record of what was about to be signed.
  const signed = world.audit.filter(({ type, nodeName: about }) => type === 'certificate.signing' && about === name);
  expect(signed.length).toBe(certificates.length);
  expect(new Set(signed.map(({ facts }) => facts['serial']))).toEqual(
    new Set(certificates.map(({ serial }) => serial)),
  );
}

/** Asks for each certificate whether it would pass; only its use, which is a step of its own, is remembered. */
function assertDecisions(model: Model, world: World, name: Name): void {
  const lives = livesOf(model, name);
  const present = presentLife(lives);
  const now = world.clock.now();
  let passing = 0;
  for (const certificate of lives.flatMap((life) => life.certificates)) {
    const { fingerprint, standing } = certificate;
    if (fingerprint === undefined) continue;
    const decision = world.foresee(name, fingerprint);
    const passes = authorizerPasses(present, certificate, { now, used: model.used });
    expect(
      decision === 'no-opinion',
      `${standing} ${fingerprint} of ${name}, ${String(present?.state)}: ${decision}`,
    ).toBe(passes);
    if (passes) passing += 1;
  }
  if (present?.state !== 'joined') expect(passing, `certificates of ${name} that pass`).toBe(0);
  if (present?.state === 'barred') expect(world.foresee(name, '0'.repeat(64))).toBe('node-barred');
}
