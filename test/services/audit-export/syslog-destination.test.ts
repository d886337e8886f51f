import { once } from 'node:events';
import { createServer, connect } from 'node:net';

import { beforeAll, describe, expect, test } from 'vitest';

import type { Destination } from '#services/audit-export/destination.ts';
import { syslogDestination, type SyslogDestinationOptions } from '#services/audit-export/syslog-destination.ts';
import { labChain } from '#test/lab/audit-records.ts';
import { labReceiverPki } from '#test/lab/receiver-pki.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';
import { startSyslogReceiver } from '#test/lab/syslog-receiver.ts';

const NEVER = new AbortController().signal;
const RECORDS = labChain(5);

describe('syslog over TLS', () => {
  let identity: TlsIdentity;
  let client: TlsIdentity;
  let ca: string;
  let otherCa: string;
  beforeAll(async () => {
    ({ identity, client, ca, otherCa } = await labReceiverPki());
  });

  const destination = (port: number, override: Partial<SyslogDestinationOptions> = {}): Destination =>
    syslogDestination({
      name: 'siem',
      host: '127.0.0.1',
      port,
      serverName: '127.0.0.1',
      confirmation: 'close-notify',
      message: {
        facility: 'audit',
        enterpriseNumber: 32_473,
        hostname: 'muster-1',
        audience: 'muster.lab.example',
        maxMessageBytes: 65_536,
      },
      readTls: () => Promise.resolve({ ca, identity: undefined }),
      timeoutMs: 5_000,
      ...override,
    });

  test('delivers records in their order, and knows that they were read', async () => {
    await using receiver = await startSyslogReceiver({ identity });
    expect(await destination(receiver.port).deliver(RECORDS, NEVER)).toEqual({ ok: true, records: 5 });
    expect(receiver.faults).toEqual([]);
    expect(receiver.messages.map(({ structuredData }) => structuredData['muster@32473']?.['hash'])).toEqual(
      RECORDS.map(({ hash }) => hash),
    );
  });

  test('sends no more than a megabyte at a time', async () => {
    await using receiver = await startSyslogReceiver({ identity });
    const large = labChain(40, { facts: { text: 'x'.repeat(60_000) } });
    expect(await destination(receiver.port).deliver(large, NEVER)).toEqual({ ok: true, records: 17 });
    expect(receiver.messages).toHaveLength(17);
  });

  test('shows its certificate to a receiver that asks for one', async () => {
    await using receiver = await startSyslogReceiver({ identity, clientCa: ca });
    const shown = { certificate: client.certificatePem, key: client.keyPem };
    const readTls = () => Promise.resolve({ ca, identity: shown });
    expect(await destination(receiver.port, { readTls }).deliver(RECORDS, NEVER)).toMatchObject({ ok: true });
    expect(await destination(receiver.port).deliver(RECORDS, NEVER)).toMatchObject({ ok: false });
    expect(receiver.messages).toHaveLength(5);
  });

  test('has delivered nothing, and says nothing, to a receiver of another CA or another name', async () => {
    await using receiver = await startSyslogReceiver({ identity });
    const readTls = () => Promise.resolve({ ca: otherCa, identity: undefined });
    for (const override of [{ readTls }, { serverName: 'siem.lab.example' }, { serverName: '127.0.0.2' }]) {
      const delivery = await destination(receiver.port, override).deliver(RECORDS, NEVER);
      expect(delivery).toMatchObject({ ok: false, kind: 'unreachable' });
    }
    expect(receiver.messages).toEqual([]);
    expect(await destination(receiver.port, { serverName: 'localhost' }).deliver(RECORDS, NEVER)).toMatchObject({
      ok: true,
    });
  });

  test('has not delivered to a receiver that dies, though it had read everything', async () => {
    await using receiver = await startSyslogReceiver({ identity, manner: 'dies-when-told-all' });
    expect(await destination(receiver.port).deliver(RECORDS, NEVER)).toEqual({
      ok: false,
      kind: 'unconfirmed',
      detail: expect.stringContaining('the connection ended without close_notify'),
    });
    expect(receiver.messages).toHaveLength(5);
  });

  test('takes the end of the connection for an answer where it is told to, and no reset', async () => {
    await using receiver = await startSyslogReceiver({ identity, manner: 'ends-connection-only' });
    const confirmation = 'connection-end';
    expect(await destination(receiver.port).deliver(RECORDS, NEVER)).toMatchObject({ ok: false, kind: 'unconfirmed' });
    expect(await destination(receiver.port, { confirmation }).deliver(RECORDS, NEVER)).toEqual({
      ok: true,
      records: 5,
    });
    receiver.manner = 'resets-when-told-all';
    expect(await destination(receiver.port, { confirmation }).deliver(RECORDS, NEVER)).toMatchObject({
      ok: false,
      kind: 'unconfirmed',
    });
  });

  test.each(['never-ends', 'reads-nothing'] as const)('gives up on a receiver that %s', async (manner) => {
    await using receiver = await startSyslogReceiver({ identity, manner });
    expect(await destination(receiver.port, { timeoutMs: 200 }).deliver(RECORDS, NEVER)).toMatchObject({
      ok: false,
      kind: 'unconfirmed',
      detail: 'the receiver did not confirm in time',
    });
  });

  test('gives up at once when it is told to', async () => {
    await using receiver = await startSyslogReceiver({ identity, manner: 'never-ends' });
    const stop = new AbortController();
    const delivering = destination(receiver.port).deliver(RECORDS, stop.signal);
    await receiver.untilThereAre(5);
    stop.abort();
    expect(await delivering).toMatchObject({ ok: false });
  });

  test('knows nobody where nobody listens', async () => {
    const receiver = await startSyslogReceiver({ identity });
    await receiver[Symbol.asyncDispose]();
    expect(await destination(receiver.port).deliver(RECORDS, NEVER)).toMatchObject({ ok: false, kind: 'unreachable' });
  });

  test('says which of its own files it cannot use', async () => {
    const readTls = () => Promise.reject(new Error('/etc/muster/siem.key: mode 0644 lets others at it'));
    expect(await destination(1, { readTls }).deliver(RECORDS, NEVER)).toEqual({
      ok: false,
      kind: 'files',
      detail: '/etc/muster/siem.key: mode 0644 lets others at it',
    });
  });

  test('does not take an end that somebody on the way makes for the receiver’s', async () => {
    await using receiver = await startSyslogReceiver({ identity });
    // Lets the handshake through, keeps back everything that is said after it, and ends the connection when the sender does.
    let kept = false;
    const between = createServer({ allowHalfOpen: true }, (inner) => {
      const outer = connect({ port: receiver.port, host: '127.0.0.1' });
      outer.on('data', (chunk) => inner.write(chunk));
      outer.on('error', () => undefined);
      inner.on('error', () => undefined);
      let seen = 0;
      inner.on('data', (chunk) => {
        seen += 1;
        if (seen <= 1) outer.write(chunk);
        else kept = true;
      });
      inner.on('end', () => {
        inner.end();
        outer.destroy();
      });
    });
    between.listen(0, '127.0.0.1');
    await once(between, 'listening');
    const address = between.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const delivery = await destination(port).deliver(RECORDS, NEVER);
    between.close();
    expect({ kept, delivery, arrived: receiver.messages.length }).toMatchObject({
      kept: true,
      delivery: { ok: false, kind: 'unconfirmed' },
      arrived: 0,
    });
  });
});
