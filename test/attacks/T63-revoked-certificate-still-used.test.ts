import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { certificateFingerprint, type NodeId } from '#core/ids.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { labClient, type LabClient } from '#test/lab/https-client.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { changeNode } from '#test/lab/revocation-lab.ts';
import { type RunningService, runService } from '#test/lab/running-service.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labEvent } from '#test/lab/store-values.ts';
import { joinOverWire } from '#test/lab/wire.ts';

const joined = z.object({ certificate: z.object({ chainPem: z.string() }) });

describe('T63 a node’s certificate is used after its end', () => {
  let running: RunningService;
  let node: { readonly id: NodeId; readonly name: string };
  let identity: TlsIdentity;
  let client: LabClient;
  let count = 0;

  beforeAll(async () => {
    running = await runService();
  });
  afterAll(() => running[Symbol.asyncDispose]());

  const dial = (): LabClient => labClient({ ...running.service.node, ca: running.caPem, identity });
  const beat = async (over = client): Promise<string> => {
    const body = { bootId: randomUUID(), agentVersion: '0.1.0', clock: new Date().toISOString() };
    const { status, problem } = await over.send({ method: 'POST', path: '/v1/heartbeats', body });
    return `${status} ${problem ?? 'ok'}`;
  };

  // A machine of its own for each test, with a connection that stays open.
  beforeEach(async () => {
    count += 1;
    const [tpm, key, name] = [labTpm(), labKey(), `worker-${count}`];
    node = await enrol(running.store, tpm, { name });
    using unknown = running.node();
    const answer = await joinOverWire(unknown, tpm, { name, key });
    const { chainPem: certificatePem } = joined.parse(answer.json).certificate;
    const [der] = parsePemOf('CERTIFICATE', certificatePem);
    if (der === undefined) throw new Error('a chain has a leaf');
    const keyPem = String(key.export({ type: 'pkcs8', format: 'pem' }));
    identity = { certificate: parseCertificate(der), certificatePem, keyPem };
    client = dial();
  });

  test.for<[string, string]>([
    ['revoke', '401 authentication-required'],
    ['quarantine', '403 permission-denied'],
    ['bar', '403 node-barred'],
    ['retire', '401 authentication-required'],
  ])('T63 on the connection that stayed open, and on a new one, after: %s', async ([what, told]) => {
    expect(await beat()).toBe('200 ok');
    const at = new Date();
    const fingerprint = certificateFingerprint(identity.certificate.der);
    const certificate = await running.store.findCertificateByFingerprint(fingerprint);
    if (certificate === undefined) throw new Error('it was issued');
    const { serial } = certificate;
    if (what === 'revoke') {
      const certificates = [{ serial, event: labEvent({ nodeName: undefined }) }];
      await running.store.revokeCertificates({ at, reason: 'keyCompromise', certificates });
    } else if (what === 'bar' || what === 'retire' || what === 'quarantine')
      await changeNode(running.store, node, what, { at });
    expect(await beat()).toBe(told);
    using again = dial();
    expect(await beat(again)).toBe(told);
    client[Symbol.dispose]();
  });

  test('T63 a released node’s certificate is good again, on the same connection', async () => {
    await changeNode(running.store, node, 'quarantine', { at: new Date() });
    expect(await beat()).toBe('403 permission-denied');
    await changeNode(running.store, node, 'release', { at: new Date() });
    expect(await beat()).toBe('200 ok');
    client[Symbol.dispose]();
  });
});
