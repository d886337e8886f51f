import { describe, expect, test } from 'vitest';

import { toHex, utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import { EXPORTED_EVENTS } from '#services/audit-export/exported-events.ts';
import { SEVERITIES } from '#services/audit-export/ocsf-classes.ts';
import { countedOctets, syslogMessage } from '#services/audit-export/syslog-message.ts';
import { labRecord } from '#test/lab/audit-records.ts';
import { labRequestId } from '#test/lab/store-values.ts';
import { parseFrames, parseSyslog } from '#test/lab/syslog-parser.ts';

const OPTIONS = {
  facility: 'audit',
  enterpriseNumber: 32_473,
  hostname: 'muster-1.lab.example',
  audience: 'muster.lab.example',
  maxMessageBytes: 65_536,
} as const;

describe('a syslog message', () => {
  test('is the record as RFC 5424 writes it', () => {
    const record = labRecord({
      type: 'node.barred',
      at: new Date('2026-11-21T12:00:00.123Z'),
      actor: 'admin:alice',
      nodeName: 'worker-1',
      address: '10.1.2.3',
      requestId: labRequestId(1),
    });
    const message = parseSyslog(syslogMessage(record, OPTIONS));
    expect(message).toMatchObject({
      facility: 13,
      severity: 4,
      timestamp: '2026-11-21T12:00:00.123Z',
      hostname: 'muster-1.lab.example',
      appName: 'muster',
      procId: undefined,
      msgId: 'node.barred',
    });
    expect(message.structuredData).toEqual({
      'muster@32473': {
        sequence: '1',
        hash: record.hash,
        previousHash: record.previousHash,
        service: 'muster.lab.example',
        actor: 'admin:alice',
        node: 'worker-1',
        address: '10.1.2.3',
        request: labRequestId(1),
      },
    });
    expect(toHex(sha256(utf8(message.text)))).toBe(record.hash);
  });

  test.each(Object.entries(EXPORTED_EVENTS))('of %s has its whole type, and its severity', (type, { severity }) => {
    const message = parseSyslog(syslogMessage(labRecord({ type }), { ...OPTIONS, facility: 'local3' }));
    expect(message).toMatchObject({ msgId: type, facility: 19, severity: SEVERITIES[severity].syslog });
  });

  test.each([
    ['what structured data quotes', `admin:a"b\\c]d[e=f`, `admin:a"b\\c]d[e=f`],
    ['letters of every kind', 'admin:Ünïcødé 中文 🔒', 'admin:Ünïcødé 中文 🔒'],
    ['line breaks and other control characters', 'admin:a\nb\u001b[1m\u0085', 'admin:a\uFFFDb\uFFFD[1m\uFFFD'],
    ['more than a receiver wants to index', `admin:${'a'.repeat(300)}`, `admin:${'a'.repeat(250)}`],
  ])('keeps an actor with %s in its place', (_, actor, expected) => {
    const record = labRecord({ actor });
    const message = parseSyslog(syslogMessage(record, OPTIONS));
    expect(message.structuredData['muster@32473']?.['actor']).toBe(expected);
    expect(JSON.parse(message.text)).toMatchObject({ actor });
    expect(toHex(sha256(utf8(message.text)))).toBe(record.hash);
  });

  test('marks its text as UTF-8 exactly where it is not ASCII', () => {
    const mark = Buffer.from([0xef, 0xbb, 0xbf]);
    expect(syslogMessage(labRecord({ facts: { text: 'plain' } }), OPTIONS).includes(mark)).toBe(false);
    expect(syslogMessage(labRecord({ facts: { text: 'ü' } }), OPTIONS).includes(mark)).toBe(true);
  });

  test('that would be too long has no facts, says so, and is still a link of the chain', () => {
    const record = labRecord({ type: 'certificate.issued', facts: { text: 'x'.repeat(3_000) } });
    const bytes = syslogMessage(record, { ...OPTIONS, maxMessageBytes: 2_048 });
    expect(bytes.byteLength).toBeLessThanOrEqual(2_048);
    const message = parseSyslog(bytes);
    expect(message.structuredData['muster@32473']).toMatchObject({ omitted: 'facts', hash: record.hash });
    expect(JSON.parse(message.text)).toMatchObject({ type: 'certificate.issued', factBytes: 3_011 });
    expect(message.text).not.toContain('facts"');
  });

  test('has no facility, host name or type that the header cannot carry', () => {
    const odd = parseSyslog(syslogMessage(labRecord({ type: 'a type\n<1>' }), { ...OPTIONS, hostname: 'hö st\n' }));
    expect(odd).toMatchObject({ msgId: 'atype<1>', hostname: 'hst' });
    expect(parseSyslog(syslogMessage(labRecord(), { ...OPTIONS, hostname: ' ' })).hostname).toBeUndefined();
  });

  test('travels with its length in octets before it', () => {
    const messages = ['ü', 'plain'].map((text) => syslogMessage(labRecord({ facts: { text } }), OPTIONS));
    const { frames, rest } = parseFrames(Buffer.concat(messages.map(countedOctets)));
    expect(frames).toEqual(messages);
    expect(rest.byteLength).toBe(0);
  });
});
