import { describe, expect, test } from 'vitest';

import type { NodeRecord, ProtectionRating } from '#core/node-record.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { admittedBefore, renderJoin } from '#services/join/admitted.ts';
import { renewAt } from '#services/join/renew-at.ts';
import type { CertificateRecord } from '#services/store/store.ts';
import { join, type JoinLab, joinLab, poolName } from '#test/lab/join-lab.ts';

async function answer(lab: JoinLab, protectionRating: ProtectionRating) {
  const outcome = await join(lab);
  if (!outcome.ok) throw new Error(outcome.problem);
  const { admitted } = outcome;
  return renderJoin({ ...admitted, pool: { ...admitted.pool, protectionRating } }, lab.deps.cluster).kubernetes;
}

test('a node registers with its pool’s taints and its rating’s, and sets no label that is not its to set', async () => {
  const lab = await joinLab();
  const own = { key: 'muster.example/new', effect: 'NoSchedule' };
  const rated = { key: 'node-restriction.kubernetes.io/muster-protection-rating', effect: 'NoSchedule' };
  expect(await answer(lab, 'default')).toMatchObject({ registerWithTaints: [own] });
  expect(await answer(lab, 'protected')).toMatchObject({
    nodeLabels: { 'muster.example/pool': 'general' },
    registerWithTaints: [own, { ...rated, value: 'protected' }],
  });
});

test('a join is answered with the node, its certificate before the issuer’s, and where the cluster is', async () => {
  const lab = await joinLab();
  const outcome = await join(lab);
  if (!outcome.ok) throw new Error(outcome.problem);
  const { certificate, node } = outcome.admitted;
  const { apiServer, caPem, issuerPem } = lab.deps.cluster;
  expect(renderJoin(outcome.admitted, lab.deps.cluster)).toMatchObject({
    node: { id: lab.node.id, name: 'worker-7', pool: 'general', protectionRating: 'default' },
    certificate: {
      chainPem: `${encodePem('CERTIFICATE', certificate.der)}${issuerPem}`,
      serial: certificate.serial,
      fingerprint: certificate.fingerprint,
      notBefore: certificate.notBefore.toISOString(),
      notAfter: certificate.notAfter.toISOString(),
      renewAt: renewAt(node.id, certificate).toISOString(),
    },
    kubernetes: { apiServer, caPem },
  });
});

describe('what the same join earned before', () => {
  const JOINED: Partial<NodeRecord> = { state: 'joined' };

  test.each<[string, Partial<CertificateRecord>, Partial<NodeRecord> | undefined, boolean]>([
    ['is given again', {}, JOINED, true],
    ['is not, where the certificate was revoked', { state: 'revoked' }, JOINED, false],
    ['is not, where it was never signed', { state: 'signing' }, JOINED, false],
    ['is not, where its fingerprint is not on record', { fingerprint: undefined }, JOINED, false],
    ['is not, where its bytes are not on record', { der: undefined }, JOINED, false],
    ['is not, where it is another node’s', { nodeId: 'another' as NodeRecord['id'] }, JOINED, false],
    ['is not, where the node is gone', {}, undefined, false],
    ['is not, where the policy has no such pool any more', {}, { ...JOINED, pool: poolName('gone') }, false],
    ['is not, where the node is quarantined', {}, { state: 'quarantined' }, false],
    ['is not, where the node was enrolled again and has not joined', {}, { state: 'enrolled' }, false],
  ])('%s', async (_, certificate, node, isGiven) => {
    const lab = await joinLab();
    await join(lab);
    const [issued] = await lab.store.listCertificates(lab.node.id, 1);
    if (issued === undefined) throw new Error('nothing was issued');
    const record = node === undefined ? undefined : { ...lab.node, ...node };
    const admitted = admittedBefore({ ...issued, ...certificate }, record, lab.policy);
    expect(admitted !== undefined).toBe(isGiven);
  });
});
