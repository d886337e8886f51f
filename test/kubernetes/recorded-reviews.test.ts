import { expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { isCertificateFingerprint } from '#core/ids.ts';
import { MemorySnapshotSource } from '#test/fakes/memory-snapshot-source.ts';
import { authorizerLab, readDecision, WEBHOOK } from '#test/lab/authorizer-lab.ts';
import { labSnapshotNode } from '#test/lab/kubernetes-snapshot.ts';
import { vectorBytes } from '#test/lab/vectors.ts';

const N1 = 'b0f8225257258da642ebd55f28499c4ac11fe2fe790a06a9588937c961cd322b';
const N2 = '242aabc84b2361949d7bba0f549ecc69c26362d07e597a256d149b3006423528';
const UNTIL = new Date(Math.ceil(systemClock().getTime() / 1_000 + 3_600) * 1_000);

const nodeWith = (name: string, fingerprint: string, state: 'joined' | 'barred') => {
  if (!isCertificateFingerprint(fingerprint)) throw new Error('a fingerprint');
  return labSnapshotNode(name, { state, current: [{ fingerprint, notAfter: UNTIL }], previous: [] });
};

test('what a real API server asked, the authorizer answers over TLS: no opinion on its own, denied for a barred node', async () => {
  const source = new MemorySnapshotSource(nodeWith('n1', N1, 'barred'), nodeWith('n2', N2, 'joined'));
  await using lab = await authorizerLab({ source });
  await using running = await lab.start();
  await running.caughtUp();
  const client = running.client();
  const counts: Record<string, number> = {};
  for (const line of Buffer.from(vectorBytes('kubernetes/subject-access-reviews.ndjson'))
    .toString()
    .trim()
    .split('\n')) {
    const decision = readDecision(await client.send({ method: 'POST', path: WEBHOOK, body: line }));
    const asked = `${/system:node:n[12]/.exec(line)?.[0] ?? ''} ${decision}`;
    counts[asked] = (counts[asked] ?? 0) + 1;
  }
  expect(counts).toEqual({
    'system:node:n1 node-barred': 18,
    'system:node:n2 no-opinion': 4,
    'system:node:n2 credential-unknown': 3,
  });
});
