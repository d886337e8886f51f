import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { planInit } from '#services/commands/init-plan.ts';
import { renderServerConfig } from '#services/commands/init-texts.ts';
import { askStatus } from '#services/commands/status/status.ts';
import { startPlainListener } from '#services/http/plain-listener.ts';
import type { Ailment } from '#services/metrics/health.ts';
import { probePages } from '#services/metrics/probe-pages.ts';
import { signalPages } from '#services/metrics/signal-pages.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { freePort } from '#test/lab/programs.ts';
import { certificatePem, labAdministrator, labServerIdentity } from '#test/lab/service-pki.ts';

import { recorder } from './recorder.ts';

const SIGNER_AWAY: Ailment = { part: 'signer', reason: 'it is sealed' };
const STORE_AWAY: Ailment = { part: 'store', reason: 'no answer for 5 seconds' };

let folder: string;
let config: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'muster-status-'));
  const { management } = await labNodeCa({ now: systemClock() });
  writeFileSync(join(folder, 'kubernetes.pem'), certificatePem(management.certificate));
  const options = { dir: 'made', kubernetesUrl: 'https://127.0.0.1:6443', kubernetesCa: 'kubernetes.pem' };
  config = renderServerConfig(planInit(options, folder));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Asks by a configuration whose listeners have these besides. */
async function ask(listeners: readonly string[], options: object = {}) {
  const text = config.replace('listeners:\n', `listeners:\n${listeners.map((line) => `  ${line}\n`).join('')}`);
  writeFileSync(join(folder, 'muster.yaml'), text);
  return askStatus({ config: 'muster.yaml', ...options }, recorder(folder));
}

async function failureOf(work: Promise<unknown>): Promise<CommandFailure> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof CommandFailure) return failure;
  throw new Error('it did not fail as a command does', { cause: failure });
}

const pagesOf = (ailments: readonly Ailment[], mayRead = true) =>
  signalPages({
    mayRead: () => Promise.resolve(mayRead),
    metrics: () => Promise.resolve(''),
    metricsType: 'text/plain',
    whyNotReady: () => ailments.filter(({ part }) => part === 'store'),
    ailments: () => ailments,
    onFault: (error) => {
      throw error;
    },
  });

const plain = (ailments: readonly Ailment[], mayRead = true) =>
  startPlainListener({ host: '127.0.0.1', port: 0 }, pagesOf(ailments, mayRead));

const metricsAt = (port: number): readonly string[] => ['metrics:', '  access: loopback', `  port: ${port}`];

describe('muster status', () => {
  test.each([
    ['all is well', [], { live: true, ready: true, reasons: [] }],
    [
      'what is not well keeps no caller away',
      [SIGNER_AWAY],
      { live: true, ready: true, reasons: ['signer: it is sealed'] },
    ],
    ['it takes no callers', [STORE_AWAY], { live: true, ready: false, reasons: ['store: no answer for 5 seconds'] }],
  ])('says with reasons, where metrics are on loopback: %s', async (_, ailments, expected) => {
    await using listener = await plain(ailments);
    expect(await ask(metricsAt(listener.port))).toEqual(expected);
  });

  test.each([
    ['ready', [], true],
    ['not ready', [STORE_AWAY], false],
  ])('says yes or no without reasons, where there is the health listener alone: %s', async (_, ailments, ready) => {
    await using listener = await startPlainListener(
      { host: '127.0.0.1', port: 0 },
      probePages(() => ailments),
    );
    const listeners = ['health:', '  host: 0.0.0.0', `  port: ${listener.port}`];
    expect(await ask(listeners)).toEqual({ live: true, ready });
  });

  test('asks no more than whether it answers, where that is the question', async () => {
    await using listener = await plain([STORE_AWAY]);
    expect(await ask(metricsAt(listener.port), { live: true })).toEqual({ live: true });
  });

  test('fails where nobody answers, where it is turned away, and where no health is told', async () => {
    expect(await failureOf(ask(metricsAt(await freePort())))).toMatchObject({ exitCode: EXIT.unavailable });
    await using listener = await plain([], false);
    expect(await failureOf(ask(metricsAt(listener.port)))).toMatchObject({ exitCode: EXIT.refused });
    expect(await failureOf(ask([]))).toMatchObject({ exitCode: EXIT.configuration });
    expect(await failureOf(ask(metricsAt(1), { config: 'none.yaml' }))).toMatchObject({ exitCode: EXIT.configuration });
  });

  test('shows an identity to a listener behind TLS, and believes only the certificate that is configured', async () => {
    const { management } = await labNodeCa({ now: systemClock() });
    const [server, monitor] = [await labServerIdentity(management), await labAdministrator(management)];
    const shown: string[] = [];
    const https = createServer(
      {
        cert: server.certificatePem,
        key: server.keyPem,
        requestCert: true,
        ca: certificatePem(management.certificate),
      },
      pagesOf([SIGNER_AWAY]),
    ).listen(0, '127.0.0.1');
    https.on('secureConnection', (socket) => shown.push(socket.getPeerX509Certificate()?.subject ?? ''));
    await once(https, 'listening');
    try {
      writeFileSync(join(folder, 'server.pem'), server.certificatePem);
      writeFileSync(join(folder, 'other.pem'), (await labServerIdentity(management)).certificatePem);
      writeFileSync(join(folder, 'monitor.pem'), monitor.certificatePem + monitor.keyPem, { mode: 0o600 });
      const { port } = https.address() as AddressInfo;
      const listeners = (certificate: string) => [
        'metrics:',
        '  access: client-certificate',
        `  port: ${port}`,
        `  certificate: ${certificate}`,
        '  key: server.key',
      ];
      const identity = 'monitor.pem';
      const status = await ask(listeners('server.pem'), { identity });
      expect(status).toEqual({ live: true, ready: true, reasons: ['signer: it is sealed'] });
      expect(shown[0]).toContain('CN=alice');
      const failure = await failureOf(ask(listeners('other.pem'), { identity }));
      expect(failure).toMatchObject({ exitCode: EXIT.unavailable });
      expect(failure.message).toContain('another certificate');
    } finally {
      https.close();
    }
  });
});
