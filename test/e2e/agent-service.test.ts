import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { startAgent } from '#test/agent/service/agent-process.ts';
import { liveService } from '#test/lab/live-service.ts';
import { missingSwtpmTools, startSwtpm } from '#test/lab/swtpm.ts';

const missing = missingSwtpmTools();
if (missing.length > 0) console.warn(`SKIPPED: the agent beside the real service needs ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)('the agent as a service, beside the real service', () => {
  test(
    'is refused, admitted when its values are known, and attests again when told to',
    { timeout: 120_000 },
    async () => {
      await using tpm = await startSwtpm({ ekTypes: ['p-256'] });
      await using service = await liveService({ ekAnchors: tpm.caPems });
      const config = await service.agentConfig('worker-1', tpm.address, 'p-256');
      await writeFile(join(service.folder, 'worker-1.der'), tpm.ekCertificates.get('p-256') ?? new Uint8Array());
      await service.muster('enrol', 'worker-1', '--pool', 'general', '--ek-cert', 'worker-1.der');
      const credential = async (): Promise<X509Certificate> =>
        new X509Certificate(await readFile(join(service.folder, 'worker-1/credential/node.pem')));

      await using agent = startAgent(config);
      await agent.said('The service refused this node (evidence-rejected)');
      const refusal = agent.lines.find((line) => line.includes('evidence-rejected')) ?? '';
      const request = /joins show ([0-9a-f-]{36})/.exec(refusal)?.[1] ?? '';
      expect(refusal).toContain('This node has no valid certificate; asking again in');

      const out = 'muster/reference/worker-1.yaml';
      expect(await service.muster('reference', 'capture', '--join', request, '--out', out)).toMatchObject({
        exitCode: 0,
      });
      await service.changePolicy({ 'referenceValues: []': 'referenceValues: [reference/worker-1.yaml]' });
      agent.signal('SIGUSR1');
      await agent.said('Joined as worker-1');
      const first = await credential();

      agent.signal('SIGUSR1');
      await agent.said('Joined as worker-1', 2);
      const second = await credential();
      expect(second.serialNumber).not.toBe(first.serialNumber);
      expect(second.subject).toBe('O=system:nodes\nCN=system:node:worker-1');
      const { out: record } = await service.muster('nodes', 'show', 'worker-1', '-o', 'json');
      expect(record).toContain('"joined"');

      agent.signal('SIGTERM');
      expect(await agent.ended).toBe(0);
    },
  );
});
