import { describe, expect, test } from 'vitest';

import { concatBytes, toHex } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import type { JoinRequest } from '#protocol/join.ts';
import { joinPolicy } from '#services/join/join-policy.ts';
import { hostileCsr, oddCsr } from '#test/lab/csr.ts';
import {
  answerOf,
  auditOf,
  auditTypes,
  challengeFor,
  join,
  type JoinLab,
  joinLab,
  labJoinPolicy,
  lastDenials,
  poolName,
  submit,
  told,
} from '#test/lab/join-lab.ts';
import { labIssuer, labKey } from '#test/lab/node-ca.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const reasonOf = async ({ store }: JoinLab): Promise<unknown> => (await auditOf(store)).at(-1)?.facts['reason'];
const rows = async ({ store, node }: JoinLab) => store.listCertificates(node.id, 100);

describe('admitNode, for a node that proves everything', () => {
  test('issues one certificate for the key in the request, under the enrolled name', async () => {
    const lab = await joinLab();
    const key = labKey();
    const outcome = await join(lab, { key });
    if (!outcome.ok) throw new Error(outcome.problem);
    const certificate = parseCertificate(outcome.admitted.certificate.der);
    expect(toHex(certificate.publicKey.raw)).toBe(toHex(oddCsr(key).publicKey.raw));
    expect(Buffer.from(certificate.subject.raw).toString('latin1')).toContain('system:node:worker-7');
    expect((await rows(lab)).map(({ state, serial }) => ({ state, serial }))).toEqual([
      { state: 'issued', serial: outcome.admitted.certificate.serial },
    ]);
  });

  test('records the intent before it signs, and the certificate after', async () => {
    const order: string[] = [];
    const lab = await joinLab();
    const issuer = labIssuer(lab.ca);
    const { reserveSerial, recordIssued } = lab.deps;
    const deps = {
      ...lab.deps,
      issuer: {
        ...issuer,
        sign: (...args: Parameters<typeof issuer.sign>) => (order.push('sign'), issuer.sign(...args)),
      },
      reserveSerial: async (...args: Parameters<typeof reserveSerial>) => {
        await reserveSerial(...args);
        order.push('intent on record');
      },
      recordIssued: async (...args: Parameters<typeof recordIssued>) => {
        order.push('record');
        await recordIssued(...args);
      },
    };
    expect(told(await join({ ...lab, deps }))).toBe('ok');
    expect(order).toEqual(['intent on record', 'sign', 'record']);
    expect(await auditTypes(lab.store)).toEqual(['certificate.signing', 'certificate.issued']);
  });

  test('teaches the inventory what the join showed', async () => {
    const lab = await joinLab();
    await join(lab);
    expect(await lab.store.findNode(lab.node.id)).toMatchObject({
      state: 'joined',
      lastAddress: '10.1.2.3',
      lastJoinAt: lab.clock.now(),
      akName: toHex(lab.tpm.akName),
      bootEpoch: { resetCount: 7, restartCount: 0 },
    });
    expect((await auditOf(lab.store)).at(-1)).toMatchObject({
      actor: 'node:worker-7',
      nodeName: 'worker-7',
      facts: { policyVersion: lab.policy.version, referenceValues: 'now', evidence: { bank: 'sha256' } },
    });
  });

  test('lets it join again with another key, and keeps both certificates', async () => {
    const lab = await joinLab();
    expect([told(await join(lab)), told(await join(lab))]).toEqual(['ok', 'ok']);
    expect((await rows(lab)).map(({ state }) => state)).toEqual(['issued', 'issued']);
  });

  test('takes nothing from the request but its key', async () => {
    const lab = await joinLab();
    const key = labKey();
    const outcome = await join(lab, { key, csr: hostileCsr(key).der });
    if (!outcome.ok) throw new Error(outcome.problem);
    const text = Buffer.from(outcome.admitted.certificate.der).toString('latin1');
    expect(text).toContain('system:nodes');
    expect(text).not.toMatch(/system:masters|kubernetes\.default/);
    expect(parseCertificate(outcome.admitted.certificate.der).extensions.basicConstraints).not.toMatchObject({
      ca: true,
    });
  });
});

describe('admitNode, sent the same join again', () => {
  test('answers with the same certificate, and never with a second', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    const first = await submit(lab, request);
    const second = await submit(lab, request);
    if (!first.ok || !second.ok) throw new Error('both are answered');
    expect(toHex(second.admitted.certificate.der)).toBe(toHex(first.admitted.certificate.der));
    expect(await rows(lab)).toHaveLength(1);
    expect(await auditTypes(lab.store)).toEqual(['certificate.signing', 'certificate.issued', 'join.repeated']);
    const { serial, fingerprint } = first.admitted.certificate;
    expect((await auditOf(lab.store)).at(-1)).toMatchObject({ nodeName: 'worker-7', facts: { serial, fingerprint } });
  });

  test('knows it by what it says, in whatever order it says it', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    if (request.evidence.kind !== 'tpm2-quote') throw new Error('a quote');
    const { sha256 = {} } = request.evidence.pcrs;
    const reordered = Object.fromEntries(
      Object.entries(sha256)
        .toReversed()
        .map(([k, v]) => [`${k}`, v]),
    );
    const again: JoinRequest = { ...request, evidence: { ...request.evidence, pcrs: { sha256: reordered } } };
    expect([told(await submit(lab, request)), told(await submit(lab, again))]).toEqual(['ok', 'ok']);
    expect(await rows(lab)).toHaveLength(1);
  });

  test.each<[string, (request: JoinRequest, lab: JoinLab) => JoinRequest]>([
    ['another key', (request) => ({ ...request, csr: buildCsr(labKey()) })],
    [
      'another signature',
      (request) => ({
        ...request,
        evidence: { ...request.evidence, signature: systemRandom(70) } as JoinRequest['evidence'],
      }),
    ],
  ])('refuses %s with the same ticket', async (_, change) => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    expect(told(await submit(lab, request))).toBe('ok');
    expect(told(await submit(lab, change(request, lab)))).toBe('challenge-invalid');
    expect(await reasonOf(lab)).toBe('ticket spent');
    expect(await rows(lab)).toHaveLength(1);
  });

  test('does not hand the certificate to a node that was barred since', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    expect(told(await submit(lab, request))).toBe('ok');
    lab.store.setNodeState(lab.node.id, 'barred');
    expect(told(await submit(lab, request))).toBe('challenge-invalid');
  });

  test('gives nothing for a join that was refused, and spends its ticket all the same', async () => {
    const lab = await joinLab();
    const challenge = await challengeFor(lab);
    const wrong = answerOf(challenge, lab.tpm, { audience: 'elsewhere' });
    expect(told(await submit(lab, wrong))).toBe('evidence-rejected');
    expect(told(await submit(lab, wrong))).toBe('challenge-invalid');
    expect(told(await submit(lab, answerOf(challenge, lab.tpm)))).toBe('challenge-invalid');
  });
});

describe('admitNode, step by step', () => {
  test.each<[string, (lab: JoinLab) => Promise<string>, string, string[], unknown]>([
    ['everything in order is admitted', async (lab) => told(await join(lab)), 'ok', [], undefined],
    [
      '1. another segment is refused',
      async (lab) => told(await submit(lab, answerOf(await challengeFor(lab), lab.tpm), { address: '192.0.2.9' })),
      'origin-refused',
      [],
      'not in a segment of any pool',
    ],
    [
      '2. a ticket that this service did not seal is refused',
      async (lab) =>
        told(await submit(lab, { ...answerOf(await challengeFor(lab), lab.tpm), ticket: systemRandom(600) })),
      'challenge-invalid',
      [],
      'ticket not-ours',
    ],
    [
      '2. a ticket from another address is refused',
      async (lab) => told(await submit(lab, answerOf(await challengeFor(lab), lab.tpm), { address: '10.1.2.4' })),
      'challenge-invalid',
      [],
      'ticket other-origin',
    ],
    [
      '2. a ticket of a minute ago is refused',
      async (lab) => {
        const request = answerOf(await challengeFor(lab), lab.tpm);
        lab.clock.advance(60_000);
        return told(await submit(lab, request));
      },
      'challenge-invalid',
      [],
      'ticket expired',
    ],
    [
      '2. a ticket under another policy is refused',
      async (lab) => {
        const request = answerOf(await challengeFor(lab), lab.tpm);
        const changed = joinPolicy(labJoinPolicy(lab.tpm, { certificateTtl: '1h' }));
        return told(await submit({ deps: { ...lab.deps, policy: () => changed } }, request));
      },
      'challenge-invalid',
      [],
      'ticket other-policy',
    ],
    [
      '2. a node that was moved to a pool elsewhere since its challenge is refused',
      async (lab) => {
        const request = answerOf(await challengeFor(lab), lab.tpm);
        const findNodeByEk = async () => ({ ...lab.node, pool: poolName('edge') });
        return told(await submit({ deps: { ...lab.deps, findNodeByEk } }, request));
      },
      'origin-refused',
      [],
      'not in a segment of pool edge',
    ],
    [
      '3. a request that is not DER is refused',
      async (lab) => told(await join(lab, { csr: Uint8Array.of(0x30, 0x80) })),
      'csr-rejected',
      [],
      expect.stringContaining('indefinite-length'),
    ],
    [
      '3. a request with a byte after it is refused',
      async (lab) => {
        const key = labKey();
        return told(await join(lab, { key, csr: concatBytes(buildCsr(key), Uint8Array.of(0)) }));
      },
      'csr-rejected',
      [],
      expect.stringContaining('trailing-bytes'),
    ],
    [
      '3. a quote for another key is refused',
      async (lab) => told(await join(lab, { csr: buildCsr(labKey()) })),
      'evidence-rejected',
      ['nonce-mismatch'],
      undefined,
    ],
    [
      '3. a quote for another service is refused',
      async (lab) => told(await join(lab, { audience: 'other.example' })),
      'evidence-rejected',
      ['nonce-mismatch'],
      undefined,
    ],
    [
      '3. a wrong activation answer is refused',
      async (lab) => told(await join(lab, { evidence: { activationSecret: systemRandom(32) } })),
      'evidence-rejected',
      ['activation-failed'],
      undefined,
    ],
    [
      '3. a quote with a byte after it is refused',
      async (lab) => {
        const request = answerOf(await challengeFor(lab), lab.tpm);
        if (request.evidence.kind !== 'tpm2-quote') throw new Error('a quote');
        const signature = concatBytes(request.evidence.signature, Uint8Array.of(0));
        return told(await submit(lab, { ...request, evidence: { ...request.evidence, signature } }));
      },
      'evidence-rejected',
      ['evidence-malformed'],
      undefined,
    ],
    [
      '4. a TPM that nobody enrolled is refused',
      async (lab) => told(await join({ ...lab, tpm: labTpm() })),
      'evidence-rejected',
      ['ek-not-enrolled'],
      undefined,
    ],
    [
      '4. a name that is another’s is refused',
      async (lab) => told(await join(lab, { name: 'worker-8' })),
      'evidence-rejected',
      ['node-name-mismatch'],
      undefined,
    ],
    [
      '4. a PCR that changed is refused',
      async (lab) => {
        lab.tpm.extend(4, Buffer.from('another boot loader'));
        return told(await join(lab));
      },
      'evidence-rejected',
      ['pcr-mismatch'],
      undefined,
    ],
    [
      '4. a node that is barred is told so, once its TPM has proven itself',
      async (lab) => {
        lab.store.setNodeState(lab.node.id, 'barred');
        return told(await join(lab));
      },
      'node-barred',
      ['node-not-admissible'],
      undefined,
    ],
    [
      '4. a quarantined node is refused without being told',
      async (lab) => {
        lab.store.setNodeState(lab.node.id, 'quarantined');
        return told(await join(lab));
      },
      'evidence-rejected',
      ['node-not-admissible'],
      undefined,
    ],
    [
      '4. a stranger learns nothing of a barred node',
      async (lab) => {
        lab.store.setNodeState(lab.node.id, 'barred');
        return told(await join(lab, { evidence: { activationSecret: systemRandom(32) } }));
      },
      'evidence-rejected',
      ['activation-failed'],
      undefined,
    ],
    [
      '6. a request that its key did not sign is refused',
      async (lab) => {
        const key = labKey();
        return told(await join(lab, { key, csr: oddCsr(key, { signedBy: labKey() }).der }));
      },
      'csr-rejected',
      [],
      expect.any(String),
    ],
  ])('%s', async (_, run, outcome, denials, reason) => {
    const lab = await joinLab();
    expect(await run(lab)).toBe(outcome);
    const last = (await auditOf(lab.store)).at(-1);
    expect(last?.type).toBe(outcome === 'ok' ? 'certificate.issued' : 'join.refused');
    expect([...new Set(await lastDenials(lab.store))]).toEqual(denials);
    expect(await reasonOf(lab)).toEqual(reason);
    expect(await rows(lab)).toHaveLength(outcome === 'ok' ? 1 : 0);
  });
});

describe('admitNode, refusing', () => {
  test('puts on record whom it refused, under which policy, and from where', async () => {
    const lab = await joinLab();
    await join(lab, { name: 'worker-8' });
    expect((await auditOf(lab.store)).at(-1)).toMatchObject({
      actor: 'node:worker-7',
      nodeName: 'worker-7',
      address: '10.1.2.3',
      facts: {
        claimedNodeName: 'worker-8',
        ekFingerprint: lab.tpm.ekFingerprint,
        policyVersion: lab.policy.version,
        evidence: { bank: 'sha256' },
      },
    });
  });

  test('tells the caller what is wrong with its own request, and of nothing else', async () => {
    const lab = await joinLab();
    expect(await join(lab, { csr: Uint8Array.of(0x30, 0x80) })).toMatchObject({
      problem: 'csr-rejected',
      detail: expect.stringContaining('indefinite-length'),
    });
    const elsewhere = await submit(lab, answerOf(await challengeFor(lab), lab.tpm), { address: '192.0.2.9' });
    expect(elsewhere).toMatchObject({ problem: 'origin-refused', detail: undefined });
  });

  test('records a caller without an address as one, and looks at nothing else', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    expect(told(await submit(lab, request, { address: '::1%lo' }))).toBe('origin-refused');
    expect((await auditOf(lab.store)).at(-1)).toMatchObject({ type: 'join.refused', address: 'unrecognised' });
    expect(await reasonOf(lab)).toBeUndefined();
  });
});
