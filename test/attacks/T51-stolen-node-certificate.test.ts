import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { toBase64Url } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { joinResponseSchema } from '#protocol/join.ts';
import { labClient } from '#test/lab/https-client.ts';
import { enrol, joinLab, answerOf, challengeFor, submit, told } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';
import { joinBodyFor, joinOverWire } from '#test/lab/wire.ts';

describe('T51 a node’s certificate and key in other hands', () => {
  let running: RunningService;
  let stolen: TlsIdentity;
  const key = labKey();

  beforeAll(async () => {
    running = await runService();
    await enrol(running.store, running.tpm);
    const { certificate } = joinResponseSchema.parse((await joinOverWire(running.node(), running.tpm, { key })).json);
    const [leaf] = parsePemOf('CERTIFICATE', certificate.chainPem);
    if (leaf === undefined) throw new Error('a leaf');
    const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    stolen = { certificate: parseCertificate(leaf), certificatePem: certificate.chainPem, keyPem };
  });

  afterAll(() => running[Symbol.asyncDispose]());

  test('T51 the node itself renews: a join with fresh evidence', async () => {
    expect((await joinOverWire(running.node(), running.tpm)).status).toBe(201);
  });

  test('T51 shown on the connection, it does not take the place of evidence', async () => {
    using thief = labClient({ ...running.service.node, ca: running.caPem, identity: stolen });
    const genuine = await joinBodyFor(thief, running.tpm);
    const csr = toBase64Url(buildCsr(key));
    const withoutTpm = {
      ...genuine,
      csr,
      evidence: { ...genuine.evidence, activationSecret: toBase64Url(systemRandom(32)) },
    };
    const answers = [
      await thief.send({ method: 'POST', path: '/v1/joins', body: withoutTpm }),
      await thief.send({ method: 'POST', path: '/v1/joins', body: { ...genuine, evidence: undefined } }),
      await thief.send({ method: 'POST', path: '/v1/renewals', body: { csr } }),
    ];
    expect(answers.map(({ problem }) => problem)).toEqual(['evidence-rejected', 'malformed-request', 'not-found']);
  });

  test('T51 it opens no administrator’s door', async () => {
    running.list(stolen);
    const answer = await running
      .admin(stolen)
      .send({ path: '/v1/nodes' })
      .then(String, () => 'handshake refused');
    expect(answer).toBe('handshake refused');
    running.list();
  });

  test('T51 a join that began in the node’s place in the network cannot be ended elsewhere', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    expect(told(await submit(lab, request, { address: '10.1.99.99' }))).toBe('challenge-invalid');
    expect(told(await submit(lab, request, { address: '192.0.2.1' }))).toBe('origin-refused');
    expect(told(await submit(lab, request))).toBe('ok');
  });
});
