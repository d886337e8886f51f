import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { joinResponseSchema } from '#protocol/join.ts';
import { type LabClient, labClient } from '#test/lab/https-client.ts';
import { labKey } from '#test/lab/node-ca.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';
import type { LabTpm } from '#test/lab/software-tpm.ts';
import {
  answerName,
  capturedJoin,
  FIRST,
  postJoin,
  recordedDenials,
  SECOND,
  type TwoNodes,
  twoNodes,
} from '#test/lab/two-nodes.ts';
import { joinOverWire } from '#test/lab/wire.ts';

// A renewal is a join with new evidence: a certificate, whoever's, stands for none of it.
describe('A11 a renewal with a valid certificate of another node', () => {
  let scene: TwoNodes;
  const clients: LabClient[] = [];

  beforeAll(async () => {
    scene = await twoNodes();
  });

  afterAll(async () => {
    for (const client of clients) client[Symbol.dispose]();
    await scene[Symbol.asyncDispose]();
  });

  /** A client that shows the certificate which `tpm` earned by a join. */
  const connectedAs = async (tpm: LabTpm, name: string): Promise<LabClient> => {
    const key = labKey();
    const { certificate } = joinResponseSchema.parse((await joinOverWire(scene.client, tpm, { key, name })).json);
    const [leaf] = parsePemOf('CERTIFICATE', certificate.chainPem);
    if (leaf === undefined) throw new Error('a leaf');
    const identity: TlsIdentity = {
      certificate: parseCertificate(leaf),
      certificatePem: certificate.chainPem,
      keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    const client = labClient({ ...scene.running.service.node, ca: scene.running.caPem, identity });
    clients.push(client);
    return client;
  };

  test('A11 each node renews by a join of its own, with its own certificate shown', async () => {
    const client = await connectedAs(scene.first, FIRST);
    expect(answerName(await joinOverWire(client, scene.first))).toBe('ok');
  });

  test('A11 with its own certificate a node cannot renew under the other’s name', async () => {
    const client = await connectedAs(scene.second, SECOND);
    expect(answerName(await joinOverWire(client, scene.second, { name: FIRST }))).toBe('evidence-rejected');
    expect((await recordedDenials(scene.running)).at(-1)).toBe('node-name-mismatch');
  });

  test('A11 with the other’s certificate and key a node cannot renew under the other’s name', async () => {
    const client = await connectedAs(scene.first, FIRST);
    expect(answerName(await joinOverWire(client, scene.second, { name: FIRST }))).toBe('evidence-rejected');
    expect((await recordedDenials(scene.running)).at(-1)).toBe('node-name-mismatch');
  });

  test('A11 nor with the other’s challenge, and the other’s quote for the thief’s key', async () => {
    const client = await connectedAs(scene.second, SECOND);
    const { join } = await capturedJoin(client, scene.first);
    const { join: own } = await capturedJoin(client, scene.second, { name: SECOND });
    expect(answerName(await postJoin(client, { ...join, csr: own.csr }))).toBe('evidence-rejected');
    expect((await recordedDenials(scene.running)).at(-1)).toBe('nonce-mismatch');
  });

  test('A11 a certificate earned by any join is in the name of the node whose TPM it was', async () => {
    const client = await connectedAs(scene.first, FIRST);
    const answer = joinResponseSchema.parse((await joinOverWire(client, scene.second, { name: SECOND })).json);
    const [leaf = ''] = answer.certificate.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(answer.node.name).toBe(SECOND);
    expect(parsePemOf('CERTIFICATE', leaf).map((der) => Buffer.from(der).includes(`system:node:${SECOND}`))).toEqual([
      true,
    ]);
  });
});
