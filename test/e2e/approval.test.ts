import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { candidateListSchema } from '#protocol/candidates.ts';
import { liveService } from '#test/lab/live-service.ts';
import { runProgram } from '#test/lab/programs.ts';
import { missingSwtpmTools, startSwtpm } from '#test/lab/swtpm.ts';

const missing = missingSwtpmTools();
if (missing.length > 0)
  console.warn(`SKIPPED: approval end to end needs ${missing.join(', ')} (Debian: swtpm swtpm-tools)`);

describe.skipIf(missing.length > 0)('a machine that nobody enrolled', () => {
  test(
    'is told to come back by its agent’s exit code until an administrator approves it, and joins then',
    { timeout: 180_000 },
    async () => {
      await using known = await startSwtpm({ ekTypes: ['p-256'] });
      await using stranger = await startSwtpm({ ekTypes: ['p-256'] });
      await using service = await liveService({ ekAnchors: [...known.caPems, ...stranger.caPems] });
      await writeFile(join(service.folder, 'ek.der'), known.ekCertificates.get('p-256') ?? new Uint8Array());
      await service.muster('enrol', 'worker-1', '--pool', 'general', '--ek-cert', 'ek.der');
      const config = await service.agentConfig('worker-1', known.address, 'p-256');
      const refused = await runProgram('muster-agent', ['join', '--config', config], service.folder);
      const requestId = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(refused.err)?.[0] ?? '';
      await service.muster('reference', 'capture', '--join', requestId, '--out', 'muster/reference/now.yaml');
      await service.changePolicy({
        'referenceValues: []': 'referenceValues: [reference/now.yaml]',
        'protectionRating: default': 'protectionRating: default\n    admission: approval',
      });

      const strange = await service.agentConfig('worker-2', stranger.address, 'p-256');
      const askToJoin = () => runProgram('muster-agent', ['join', '--config', strange], service.folder);
      // The agent's time is over before the half minute that it is told to wait is.
      const waiting = await askToJoin();
      expect(waiting).toMatchObject({ exitCode: 75 });
      expect(waiting.err).toContain('an administrator must approve this node first');
      const { out } = await service.muster('nodes', 'pending', '-o', 'json');
      expect(candidateListSchema.parse(JSON.parse(out)).candidates).toMatchObject([
        {
          pool: 'general',
          state: 'waiting',
          proof: { claimedNodeName: 'worker-2', ekCertificate: { software: true } },
        },
      ]);
      expect(await service.muster('nodes', 'approve', 'worker-2')).toMatchObject({ exitCode: 0 });
      expect(await askToJoin()).toMatchObject({ exitCode: 0 });
      const nodes = JSON.parse((await service.muster('nodes', 'list', '-o', 'json')).out);
      expect(nodes).toMatchObject({
        nodes: [
          { name: 'worker-1', state: 'enrolled' },
          { name: 'worker-2', state: 'joined' },
        ],
      });
      expect((await service.muster('audit', 'verify')).exitCode).toBe(0);
    },
  );
});
