import { beforeEach, describe, expect, test } from 'vitest';

import { isSerial } from '#core/ids.ts';
import { ocspStatus } from '#services/revocation/ocsp-answers.ts';
import { type JoinLab, joinLab } from '#test/lab/join-lab.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { changeNode, type Joined, joinedNode } from '#test/lab/revocation-lab.ts';
import { labEvent } from '#test/lab/store-values.ts';

let lab: JoinLab;
let node: Joined;
beforeEach(async () => {
  lab = await joinLab();
  node = await joinedNode(lab, 'worker-1');
});

const now = () => lab.clock.now();
const revoke = () =>
  lab.store.revokeCertificates({
    at: now(),
    reason: 'keyCompromise',
    certificates: [{ serial: node.serial, event: labEvent() }],
  });

describe('what OCSP says of a certificate', () => {
  const status = async (serial = node.serial) => (await ocspStatus(lab.store, serial, lab.ca.issuing)).status;

  test('is good, then revoked with its reason and time', async () => {
    expect(await status()).toBe('good');
    await revoke();
    const found = { status: 'revoked', reason: 'keyCompromise', revokedAt: now() };
    expect(await ocspStatus(lab.store, node.serial, lab.ca.issuing)).toEqual(found);
  });

  test('is unknown for a serial that nobody reserved', async () => {
    const serial = '4d00';
    if (!isSerial(serial)) throw new Error('in form');
    expect(await status(serial)).toBe('unknown');
  });

  test('is unknown for another CA’s certificate, revoked or not', async () => {
    const other = await labNodeCa();
    const asked = async () => (await ocspStatus(lab.store, node.serial, other.issuing)).status;
    expect(await asked()).toBe('unknown');
    await revoke();
    expect(await asked()).toBe('unknown');
  });

  test('is not good for one that was never handed out', async () => {
    const certificate = await lab.store.findCertificate(node.serial);
    if (certificate === undefined) throw new Error('it was issued');
    const store = {
      findRevocation: async () => undefined,
      findCertificate: async () => ({ ...certificate, state: 'signing' as const }),
    };
    expect((await ocspStatus(store, node.serial, lab.ca.issuing)).status).toBe('unknown');
  });

  test('follows a hold and its end', async () => {
    await changeNode(lab.store, node, 'quarantine', { at: now() });
    expect(await ocspStatus(lab.store, node.serial, lab.ca.issuing)).toMatchObject({
      status: 'revoked',
      reason: 'certificateHold',
    });
    await changeNode(lab.store, node, 'release', { at: now() });
    expect(await status()).toBe('good');
  });
});
