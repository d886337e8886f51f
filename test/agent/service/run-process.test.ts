import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { heartbeatRequestSchema } from '#protocol/heartbeat.ts';
import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';

import { writeAgentConfig } from '../agent-config.ts';
import { type FakeJoinService, refuse, startFakeJoinService } from '../fake-join-service.ts';
import { startAgent } from './agent-process.ts';
import { canReceive, receiveDatagrams } from './datagram-receiver.ts';

const missing = [...(canStartSwtpm() ? [] : ['swtpm']), ...(canReceive() ? [] : ['python3 or systemd-notify'])];
if (missing.length > 0) console.warn(`SKIPPED: the agent as a service needs ${missing.join(' and ')}`);

describe.skipIf(missing.length > 0)('the agent as a service', { timeout: 60_000 }, () => {
  let swtpm: Swtpm;
  let service: FakeJoinService;
  let directory: string;
  beforeAll(async () => {
    swtpm = await startSwtpm();
  });
  afterAll(() => swtpm.stop());
  beforeEach(async () => {
    service = await startFakeJoinService();
    directory = await mkdtemp(join(tmpdir(), 'muster-service-'));
  });
  afterEach(async () => {
    await service[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const configFile = (override: object = {}): Promise<string> =>
    writeAgentConfig({ directory, service, device: swtpm.address }, override);
  const credential = () => readFile(join(directory, 'credential', 'node.pem'), 'utf8');
  const isPair = (pem: string): boolean => new X509Certificate(pem).checkPrivateKey(createPrivateKey(pem));
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await setImmediate();
  };

  test('is ready with its certificate, attests again on SIGUSR1, reloads on SIGHUP and stops on SIGTERM', async () => {
    const address = join(directory, 'notify');
    await using systemd = await receiveDatagrams(address);
    const file = await configFile();
    await using agent = startAgent(file, { NOTIFY_SOCKET: address, WATCHDOG_USEC: '2000000' });

    await systemd.arrived('READY=1');
    const first = await credential();
    expect(isPair(first)).toBe(true);
    await systemd.arrived('WATCHDOG=1');

    agent.signal('SIGUSR1');
    await agent.said('Joined as worker-7', 2);
    expect(service.issued()).toBe(2);
    expect(await credential()).not.toBe(first);

    await writeFile(file, 'kind: nonsense\n');
    agent.signal('SIGHUP');
    await agent.said('The configuration cannot be used');
    await configFile({ wait: { total: '3s' } });
    agent.signal('SIGHUP');
    await agent.said('The configuration was read again.');
    await systemd.arrived('RELOADING=1');

    agent.signal('SIGTERM');
    expect(await agent.ended).toBe(0);
    await systemd.arrived('STOPPING=1');
    expect(isPair(await credential())).toBe(true);
    expect(service.issued()).toBe(2);
    expect(agent.out()).toBe('');
    expect(agent.lines.join('\n')).not.toMatch(/PRIVATE KEY|Debugger/);
    expect(systemd.messages.find((message) => message.startsWith('READY=1 '))).toContain('Certificate valid until');
  });

  test('sends heartbeats as the node that its certificate names, and attests again when the answer asks for it', async () => {
    service.answerHeartbeat = () => ({ status: 200, body: JSON.stringify({ nextSeconds: 3_600, renewNow: true }) });
    await using agent = startAgent(await configFile());
    await agent.said('Joined as worker-7', 2);
    const [beat] = service.heartbeats;
    expect(beat?.from).toBe('system:node:worker-7');
    expect(heartbeatRequestSchema.safeParse(JSON.parse(beat?.body ?? '')).success).toBe(true);
    expect(agent.lines).toContain('The service asks this node to attest again at once.');
  });

  test('says once that its heartbeat is refused, and once that there are no heartbeats', async () => {
    service.answerHeartbeat = () => refuse('node-barred');
    {
      await using agent = startAgent(await configFile());
      await agent.said('refused this node’s heartbeat (node-barred');
    }
    service.answerHeartbeat = undefined;
    await using agent = startAgent(await configFile());
    await agent.said('does not serve heartbeats');
    expect(service.issued()).toBe(1);
  });

  test('that is killed in the middle of a join has its certificate still, and goes on with it', async () => {
    {
      await using agent = startAgent(await configFile());
      await agent.said('Joined as worker-7');
      const before = await credential();
      service.faults.push('answer', 'hang');
      agent.signal('SIGUSR1');
      await until(() => service.issued() === 2);
      agent.signal('SIGKILL');
      expect(await agent.ended).toBe('SIGKILL');
      expect(await credential()).toBe(before);
    }
    await using again = startAgent(await configFile());
    service.answerHeartbeat = () => ({ status: 200, body: JSON.stringify({ nextSeconds: 60, renewNow: false }) });
    await until(() => service.heartbeats.at(-1)?.from === 'system:node:worker-7');
    expect(service.issued()).toBe(2);
    expect(again.lines.join('\n')).not.toContain('no valid certificate');
  });

  test('stops at once in the middle of a join, and leaves no certificate that it has not checked', async () => {
    service.faults.push('answer', 'hang');
    await using agent = startAgent(await configFile());
    await until(() => service.issued() === 1);
    agent.signal('SIGTERM');
    expect(await agent.ended).toBe(0);
    await expect(stat(join(directory, 'credential', 'node.pem'))).rejects.toThrow('ENOENT');
  });

  test('waits for approval for as long as it takes', async () => {
    const pending = { status: 202, body: JSON.stringify({ status: 'awaiting-approval', retryAfterSeconds: 1 }) };
    service.faults.push('answer', pending, 'answer', pending, 'answer', pending);
    await using agent = startAgent(await configFile({ wait: { total: '1s' } }));
    await agent.said('because an administrator must approve this node first. This node has no valid certificate;');
    agent.signal('SIGUSR1');
    await agent.said('approve this node first', 2);
    agent.signal('SIGUSR1');
    await agent.said('approve this node first', 3);
    agent.signal('SIGUSR1');
    await agent.said('Joined as worker-7');
    expect(isPair(await credential())).toBe(true);
  });

  test('does not start with a configuration that cannot be used', async () => {
    await using agent = startAgent(await configFile({ audiense: 'x' }));
    expect(await agent.ended).toBe(78);
    expect(agent.lines.at(-1)).toMatch(/^The configuration cannot be used, .*audiense/);
  });
});
