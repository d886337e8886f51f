import { describe, expect, test } from 'vitest';

import { verifyAuditChain } from '#core/audit-chain.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import type { JoinRequestBody } from '#protocol/join.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import { certifiedChallenge } from '#test/lab/admission-lab.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { answerOf } from '#test/lab/join-lab.ts';
import { ENROLMENT_KILL_POINTS } from '#test/lab/kill-points.ts';
import { mortalService } from '#test/lab/mortal-service.ts';
import { labTpm, type LabTpm } from '#test/lab/software-tpm.ts';
import { type LabEkCa, labEkCa } from '#test/lab/tpm-certificates.ts';
import { challengeBody, joinBody } from '#test/lab/wire.ts';

/** About the enrolment, and between it and the certificate. */
const POINTS = [...ENROLMENT_KILL_POINTS, 'after reserveSerial', 'after sign', 'after recordIssued'];
const nameOf = (tpm: LabTpm): string => `general-${tpm.ekFingerprint.slice(0, 12)}`;

async function bodyFor(client: LabClient, tpm: LabTpm, maker: LabEkCa): Promise<JoinRequestBody> {
  const body = challengeBody(certifiedChallenge(tpm, maker, nameOf(tpm)));
  const response = await client.send({ method: 'POST', path: '/v1/challenges', body });
  if (response.status !== 201) throw new Error(`no challenge: ${response.text}`);
  return joinBody(answerOf(challengeResponseSchema.parse(response.json), tpm, { name: nameOf(tpm) }));
}

describe('the service, killed in the first join of a machine that its pool enrols by rule', () => {
  test(
    'enrols each machine once, before anything is signed for it, and lets it join afterwards',
    { timeout: 60_000 + POINTS.length * 10_000 },
    async () => {
      const maker = labEkCa();
      await using service = await mortalService(labTpm(), { endorsedBy: maker.pem });
      const machines: LabTpm[] = [];
      let client = await service.start();
      for (const point of POINTS) {
        const tpm = labTpm();
        machines.push(tpm);
        const body = await bodyFor(client, tpm, maker);
        service.arm(point);
        const answer = await client.send({ method: 'POST', path: '/v1/joins', body }).then(
          ({ status }) => status,
          () => 'no answer',
        );
        expect({ point, answer }).toEqual({ point, answer: 'no answer' });
        await service.gone();
        client = await service.start();
        const again = await client.send({ method: 'POST', path: '/v1/joins', body });
        const anew = async () =>
          client.send({ method: 'POST', path: '/v1/joins', body: await bodyFor(client, tpm, maker) });
        const last = again.status === 201 ? again : await anew();
        expect({ point, status: last.status }).toEqual({ point, status: 201 });
      }
      service.kill();
      await service.gone();

      await using store = await openSqliteStore({ path: service.databaseFile });
      const records = await store.readAudit(0, 10_000);
      expect(verifyAuditChain(records, { stored: await store.auditHead() })).toMatchObject({ ok: true });
      for (const tpm of machines) {
        expect(await store.findNodeByEk(tpm.ekFingerprint)).toMatchObject({ name: nameOf(tpm), state: 'joined' });
        const types = records.filter(({ nodeName }) => nodeName === nameOf(tpm)).map(({ type }) => type);
        expect(types.filter((type) => type === 'node.enrolled')).toHaveLength(1);
        expect(types.indexOf('node.enrolled')).toBeLessThan(types.indexOf('certificate.signing'));
      }
    },
  );
});
