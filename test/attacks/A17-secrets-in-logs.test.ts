import { Writable } from 'node:stream';

import { describe, expect, test } from 'vitest';

import { renderJson } from '#cli/render/json.ts';
import { renderRecords } from '#cli/render/records.ts';
import { makeStyle } from '#cli/render/style.ts';
import { renderYaml } from '#cli/render/yaml.ts';
import { fromBase64Url } from '#core/bytes.ts';
import { auditPageSchema } from '#protocol/audit.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import { createLog } from '#services/http/request-log.ts';
import { enrol, TICKET_KEY } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { runService } from '#test/lab/running-service.ts';
import { answerName, capturedJoin, postChallenge, postJoin, recordedDenials } from '#test/lab/two-nodes.ts';

/** Every way that bytes are written down as text. */
const spellings = (bytes: Uint8Array): readonly string[] =>
  (['hex', 'base64', 'base64url', 'latin1'] as const).map((encoding) => Buffer.from(bytes).toString(encoding));

describe('A17 secrets in what the service writes down', () => {
  test('A17 neither ticket, secret, nonce, quote nor any key is in a log or an export, after joins of every outcome', async () => {
    const lines: string[] = [];
    const log = createLog(
      'debug',
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          lines.push(chunk.toString('utf8'));
          done();
        },
      }),
    );
    await using running = await runService({ log });
    await enrol(running.store, running.tpm);
    const client = running.node();
    const secrets = new Map<string, Uint8Array>([['ticket key', TICKET_KEY.secret.reveal()]]);
    const key = labKey();
    secrets.set('node key', key.export({ type: 'pkcs8', format: 'der' }));
    const scalar = key.export({ format: 'jwk' }).d;
    secrets.set('node key, its number', fromBase64Url(scalar ?? ''));

    const outcomes: string[] = [];
    for (const outcome of ['good', 'wrong secret', 'wrong quote', 'malformed', 'fault']) {
      const { join, challengeText } = await capturedJoin(client, running.tpm, { key });
      const challenge = challengeResponseSchema.parse(JSON.parse(challengeText));
      if (join.evidence.kind !== 'tpm2-quote') throw new Error('a quote');
      const { activationSecret, quoted, signature } = join.evidence;
      secrets.set(`${outcome}: ticket`, fromBase64Url(join.ticket));
      secrets.set(`${outcome}: nonce`, challenge.nonce);
      secrets.set(`${outcome}: activation secret`, fromBase64Url(activationSecret));
      secrets.set(`${outcome}: quote`, fromBase64Url(quoted));
      secrets.set(`${outcome}: signature`, fromBase64Url(signature));
      const evidence =
        outcome === 'wrong secret'
          ? { ...join.evidence, activationSecret: 'A'.repeat(43) }
          : outcome === 'wrong quote'
            ? { ...join.evidence, quoted: `${quoted.slice(0, -2)}AA` }
            : join.evidence;
      const body =
        outcome === 'malformed' ? { ...join, [`${activationSecret}`]: activationSecret } : { ...join, evidence };
      running.store.unavailable = outcome === 'fault';
      outcomes.push(answerName(await postJoin(client, body)));
      running.store.unavailable = false;
    }
    expect(outcomes).toEqual([
      'ok',
      'evidence-rejected',
      'evidence-rejected',
      'malformed-request',
      'dependency-unavailable',
    ]);
    await postChallenge(client, `{"nodeName": "${Buffer.from(TICKET_KEY.secret.reveal()).toString('hex')}"`);

    const admin = running.admin(await running.administrator('auditor'));
    const answer = await admin.send({ path: '/v1/audit?limit=1000' });
    const { records } = auditPageSchema.parse(answer.json);
    const written = new Map<string, string>([
      ['log', lines.join('')],
      ['audit export', answer.text],
      ['audit, JSON', renderJson(records)],
      ['audit, YAML', renderYaml(records)],
      ['audit, lines', renderRecords(records, makeStyle(false))],
    ]);
    expect(lines.length).toBeGreaterThan(10);
    expect(await recordedDenials(running)).toContain('activation-failed');
    const found: string[] = [];
    for (const [secret, bytes] of secrets) {
      for (const [where, text] of written) {
        if (spellings(bytes).some((spelling) => text.includes(spelling))) found.push(`${secret} in ${where}`);
      }
    }
    expect(found).toEqual([]);
    // What is looked for is found where it is: the node's name is in every one of them.
    const named = [...written].filter(([, text]) => text.includes('worker-7')).map(([where]) => where);
    expect(named).toEqual(['log', 'audit export', 'audit, JSON', 'audit, YAML', 'audit, lines']);
  });
});
