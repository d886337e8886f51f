import { beforeEach, describe, expect, test } from 'vitest';

import { certificateFingerprint, isSerial } from '#core/ids.ts';
import type { NodeState } from '#core/node-record.ts';
import { certificateStanding } from '#services/revocation/certificate-standing.ts';
import { ocspStatus } from '#services/revocation/ocsp-answers.ts';
import { type JoinLab, joinLab } from '#test/lab/join-lab.ts';
import { changeNode, type Joined, joinedNode } from '#test/lab/revocation-lab.ts';
import { labEvent } from '#test/lab/store-values.ts';

let lab: JoinLab;
let node: Joined;
beforeEach(async () => {
  lab = await joinLab();
  node = await joinedNode(lab, 'worker-1');
});

const now = () => lab.clock.now();
const standing = async (der: Uint8Array = node.der, at = now()): Promise<string> => {
  const found = await certificateStanding(lab.store, certificateFingerprint(Buffer.from(der)), at);
  return found.good ? `good ${found.node.name} ${found.certificate.serial}` : found.why;
};
const revoke = () =>
  lab.store.revokeCertificates({
    at: now(),
    reason: 'keyCompromise',
    certificates: [{ serial: node.serial, event: labEvent() }],
  });

describe('the standing of a certificate', () => {
  test('is good while its node is joined, and says whose it is', async () => {
    expect(await standing()).toBe(`good worker-1 ${node.serial}`);
  });

  test('is unknown for a certificate that was never issued here', async () => {
    expect(await standing(Buffer.from('another'))).toBe('unknown');
  });

  test('is not good after it was revoked, though its node is joined', async () => {
    await revoke();
    expect(await standing()).toBe('revoked');
  });

  test('ends with the certificate’s last second and begins with its first', async () => {
    const { notBefore, notAfter } = (await lab.store.findCertificate(node.serial)) ?? {};
    if (notBefore === undefined || notAfter === undefined) throw new Error('it was issued');
    const at = (date: Date, ms: number) => standing(node.der, new Date(date.getTime() + ms));
    expect(await at(notBefore, -1)).toBe('not-yet-valid');
    expect(await at(notBefore, 0)).toMatch(/^good /);
    expect(await at(notAfter, 999)).toMatch(/^good /);
    expect(await at(notAfter, 1_000)).toBe('expired');
  });

  test.for<[NodeState, string]>([
    ['joined', 'good'],
    ['enrolled', 'node-enrolled'],
    ['pending', 'node-pending'],
    ['quarantined', 'node-quarantined'],
    ['barred', 'node-barred'],
    ['retired', 'node-retired'],
  ])('of a node that is %s is %s, whatever the list says', async ([state, found]) => {
    lab.store.setNodeState(node.id, state);
    expect((await standing()).split(' ', 1)[0]).toBe(found);
  });

  test('comes back when a quarantine ends, and not when a bar does', async () => {
    await changeNode(lab.store, node, 'quarantine', { at: now() });
    expect(await standing()).toBe('revoked');
    await changeNode(lab.store, node, 'release', { at: now() });
    expect(await standing()).toMatch(/^good /);
    await changeNode(lab.store, node, 'bar', { at: now() });
    await changeNode(lab.store, node, 'unbar', { at: now() });
    expect(await standing()).toBe('revoked');
  });
});

describe('what OCSP says of a certificate', () => {
  const status = async (serial = node.serial) => (await ocspStatus(lab.store, serial)).status;

  test('is good, then revoked with its reason and time', async () => {
    expect(await status()).toBe('good');
    await revoke();
    const found = { status: 'revoked', reason: 'keyCompromise', revokedAt: now() };
    expect(await ocspStatus(lab.store, node.serial)).toEqual(found);
  });

  test('is unknown for a serial that nobody reserved', async () => {
    const serial = '4d00';
    if (!isSerial(serial)) throw new Error('in form');
    expect(await status(serial)).toBe('unknown');
  });

  test('is not good for one that was never handed out', async () => {
    const certificate = await lab.store.findCertificate(node.serial);
    if (certificate === undefined) throw new Error('it was issued');
    const store = {
      findRevocation: async () => undefined,
      findCertificate: async () => ({ ...certificate, state: 'signing' as const }),
    };
    expect((await ocspStatus(store, node.serial)).status).toBe('unknown');
  });

  test('follows a hold and its end', async () => {
    await changeNode(lab.store, node, 'quarantine', { at: now() });
    expect(await ocspStatus(lab.store, node.serial)).toMatchObject({ status: 'revoked', reason: 'certificateHold' });
    await changeNode(lab.store, node, 'release', { at: now() });
    expect(await status()).toBe('good');
  });
});
