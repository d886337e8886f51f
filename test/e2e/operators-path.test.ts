import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type LiveService, liveService } from '#test/lab/live-service.ts';
import { type PageCommands, pageCommands } from '#test/lab/page-commands.ts';
import { missingSwtpmTools, startSwtpm, type Swtpm } from '#test/lab/swtpm.ts';
import { type SwtpmMaker, swtpmMaker } from '#test/lab/swtpm-maker.ts';

const ROOT = resolve('.');
const commands = await pageCommands(join(ROOT, 'docs/operations/from-one-machine-to-a-pool.md'));
const nodes = ['canary-1', 'worker-2', 'worker-3'] as const;
const KERNEL_PCR = 4;

const missing = missingSwtpmTools();
if (missing.length > 0) console.warn(`SKIPPED: the operator's path needs ${missing.join(', ')}`);

/** What the page's programs are here: our own, told where they run; and the two of the system that it needs. */
const SHIMS: Readonly<Record<string, string>> = {
  muster: `exec "$NODE" ${ROOT}/cli/main.ts "$@"`,
  'muster-agent': `exec "$NODE" ${ROOT}/agent/main.ts "$@" --config "$AGENT_CONFIG"`,
  scp: 'from="${1#root@}"; cp "../${from%%:*}/${from#*:}" "$2"',
  systemctl: `[ "$*" = "reload muster" ]
before="$(muster policy status -o json)"
kill -HUP "$SERVICE_PID"
for _ in $(seq 100); do [ "$(muster policy status -o json)" = "$before" ] || exit 0; sleep 0.1; done
exit 1`,
};

describe.skipIf(missing.length > 0)('the commands of the operator’s path', () => {
  const undo = new AsyncDisposableStack();
  const tpms = new Map<string, Swtpm>();
  let maker: SwtpmMaker;
  let service: LiveService;
  let request = '';

  beforeAll(async () => {
    maker = undo.use(await swtpmMaker());
    for (const node of nodes) tpms.set(node, undo.use(await startSwtpm({ maker })));
    service = undo.use(await liveService({ ekAnchors: await maker.caPems() }));
    for (const node of nodes) await configure(node);
    const bin = join(service.folder, 'bin');
    await mkdir(bin);
    for (const [name, script] of Object.entries(SHIMS)) {
      await writeFile(join(bin, name), `#!/bin/sh\nset -e\n${script}\n`);
      await chmod(join(bin, name), 0o755);
    }
  }, 240_000);
  afterAll(() => undo.disposeAsync());

  async function configure(node: string): Promise<void> {
    await service.agentConfig(node, tpms.get(node)?.address ?? '');
  }

  /** What happens to a machine between commands, by the page's words for it. */
  const events: Readonly<Record<string, (node: string) => Promise<void>>> = {
    async 'boots kernel-2'(node) {
      await tpms.get(node)?.powerCycle();
      await tpms.get(node)?.extendPcr(KERNEL_PCR, new TextEncoder().encode('kernel-2'));
    },
    async 'has another TPM'(node) {
      tpms.set(node, undo.use(await startSwtpm({ maker })));
      await configure(node);
    },
  };

  async function runOn({ host, after, script }: PageCommands): Promise<{ exitCode: number | null; said: string }> {
    if (after !== undefined) await events[after]?.(host);
    const cwd = join(service.folder, host === 'service' ? 'muster' : host);
    const env = {
      PATH: `${join(service.folder, 'bin')}:/usr/bin:/bin`,
      NODE: process.execPath,
      MUSTER_CLI_CONFIG: join(service.folder, 'muster/cli.yaml'),
      AGENT_CONFIG: join(cwd, 'agent.yaml'),
      SERVICE_PID: String(service.pid()),
    };
    const shell = spawn('sh', ['-ec', script.replaceAll('<request id>', request)], { cwd, env, stdio: 'pipe' });
    const [out, err] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, 'close')]);
    request = /joins show ([0-9a-f-]{36})/.exec(err)?.[1] ?? request;
    return { exitCode: shell.exitCode, said: out + err };
  }

  test('are known, event by event', () => {
    const words = commands.flatMap(({ after }) => (after === undefined ? [] : [after]));
    expect(Object.keys(events)).toEqual(expect.arrayContaining(words));
    expect(new Set(commands.map(({ host }) => host))).toEqual(new Set(['service', ...nodes]));
  });

  test('do what the page says, one after the other', { timeout: 240_000 }, async () => {
    for (const part of commands) {
      const { exitCode, said } = await runOn(part);
      if (exitCode !== part.exitCode)
        throw new Error(`exit code ${exitCode} on ${part.host}:\n${part.script}\n${said}`);
    }
    const { out } = await service.muster('nodes', 'list', '-o', 'json');
    const { nodes: listed } = JSON.parse(out) as { nodes: readonly { name: string; state: string }[] };
    const joined = listed.filter(({ state }) => state === 'joined').map(({ name }) => name);
    expect(joined.toSorted()).toEqual(nodes.toSorted());
  });
});
