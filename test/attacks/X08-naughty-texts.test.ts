import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';

import { renderJson } from '#cli/render/json.ts';
import { renderRecords } from '#cli/render/records.ts';
import { makeStyle } from '#cli/render/style.ts';
import { renderYaml } from '#cli/render/yaml.ts';
import { systemClock } from '#core/clock.ts';
import { newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { auditPageSchema } from '#protocol/audit.ts';
import { adminRefused } from '#services/audit/events.ts';
import { createLog } from '#services/http/request-log.ts';
import { apiRoutes, concretePath, type DescribedRoute } from '#test/lab/api-routes.ts';
import type { LabClient, LabResponse } from '#test/lab/https-client.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { answerName, challengeBodyOf, FIRST, postChallenge } from '#test/lab/two-nodes.ts';

const SUITES = join(import.meta.dirname, '../../../shared/suites');
const JSON_FILES = join(SUITES, 'JSONTestSuite/test_parsing');
const STRINGS = join(SUITES, 'big-list-of-naughty-strings/blns.json');
const isHere = existsSync(JSON_FILES) && existsSync(STRINGS);
if (!isHere) console.warn('SKIPPED: ../shared/suites, JSONTestSuite and big-list-of-naughty-strings, is not here');

const jsonFiles = isHere ? readdirSync(JSON_FILES) : [];
const strings = isHere ? z.array(z.string()).parse(JSON.parse(readFileSync(STRINGS, 'utf8'))) : [];
const PATIENT = { timeout: 300_000 };

describe.skipIf(!isHere)('X08 texts that break things, which need ../shared/suites', () => {
  const lines: string[] = [];
  let running: RunningService;
  let node: LabClient;
  let admin: LabClient;
  let posts: readonly DescribedRoute[];

  beforeAll(async () => {
    const destination = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        lines.push(chunk.toString('utf8'));
        done();
      },
    });
    const rates = { perEk: { burst: 1_000_000, perMinute: 1_000_000 }, perAddress: { burst: 1_000_000 } };
    running = await runService({ log: createLog('debug', destination), configure: { limits: { rates } } });
    await enrol(running.store, running.tpm);
    node = running.node();
    admin = running.admin(await running.administrator());
    posts = (await apiRoutes(running)).filter(({ method }) => method === 'POST');
  });

  afterAll(() => running[Symbol.asyncDispose]());

  const post = ({ listener, path }: DescribedRoute, body: Buffer | object): Promise<LabResponse> =>
    (listener === 'admin' ? admin : node).send({ method: 'POST', path: concretePath(path), body });

  test('X08 every file of JSONTestSuite at every route that takes a body is refused', PATIENT, async () => {
    const wrong: string[] = [];
    for (const file of jsonFiles) {
      const bytes = readFileSync(join(JSON_FILES, file));
      for (const route of posts) {
        const { status } = await post(route, bytes);
        // None of the files is a request that any route knows.
        if (status < 400 || status >= 500) wrong.push(`${file} at ${route.path}: ${status}`);
      }
    }
    console.log(
      `X08: ${jsonFiles.length} JSON files at ${posts.length} routes, ${wrong.length} answered as they should not be`,
    );
    expect([jsonFiles.length, wrong]).toEqual([318, []]);
    expect(answerName(await postChallenge(node, challengeBodyOf(running.tpm, FIRST)))).toBe('ok');
  });

  test('X08 every naughty string in every text that a request has is refused, or is a name', PATIENT, async () => {
    const challenge = challengeBodyOf(running.tpm, FIRST);
    const ekPublicHash = 'ab'.repeat(32);
    const wrong: string[] = [];
    for (const text of strings) {
      const path = `/v1/nodes/${encodeURIComponent(text.toWellFormed())}`;
      const answers = [
        await node.send({ method: 'POST', path: '/v1/challenges', body: { ...challenge, nodeName: text } }),
        await node.send({ method: 'POST', path: '/v1/challenges', body: { ...challenge, [text]: text } }),
        await admin.send({
          method: 'POST',
          path: '/v1/enrolments',
          body: { nodes: [{ name: text, pool: text, ekPublicHash }], dryRun: true },
        }),
        await admin.send({ method: 'POST', path: '/v1/reference-values/retire', body: { name: text } }),
        await admin.send({ path }),
        await admin.send({ path: `/v1/nodes?pool=${encodeURIComponent(text.toWellFormed())}` }),
      ];
      for (const [index, { status }] of answers.entries()) {
        if (status >= 500) wrong.push(`${JSON.stringify(text)} in text ${index}: ${status}`);
      }
    }
    console.log(`X08: ${strings.length} strings in 6 texts each, ${wrong.length} faults`);
    expect([strings.length > 500, wrong]).toEqual([true, []]);
    expect(answerName(await postChallenge(node, challenge))).toBe('ok');
  });

  test('X08 no line of the log is broken, and each is one JSON object', () => {
    expect(lines.length).toBeGreaterThan(1_000);
    const broken = lines.filter((line) => !/^\{[^\n]*\}\n$/.test(line) || typeof JSON.parse(line) !== 'object');
    expect(broken).toEqual([]);
  });

  test(
    'X08 on record, every naughty string comes out of every export as it went in, and breaks no line',
    PATIENT,
    async () => {
      const from = (await running.store.auditHead()).sequence;
      for (const path of strings) {
        const occasion = { at: systemClock(), requestId: newRequestId(systemRandom), address: '127.0.0.1' };
        await running.store.appendAudit(
          adminRefused(occasion, 'mallory', { problem: 'permission-denied', method: 'GET', path }),
        );
      }
      const answer = await admin.send({ path: `/v1/audit?limit=1000&after=${from}` });
      const records = auditPageSchema.parse(answer.json).records.slice(0, strings.length);
      const wanted = strings.map((text) => text.toWellFormed());
      const pathsOf = (value: unknown): readonly unknown[] =>
        z
          .array(z.object({ facts: z.object({ path: z.string() }) }))
          .parse(value)
          .map(({ facts }) => facts.path);
      expect(pathsOf(records)).toEqual(wanted);
      expect(pathsOf(JSON.parse(renderJson(records)))).toEqual(wanted);
      expect(pathsOf(parseYaml(renderYaml(records)))).toEqual(wanted);
      const shown = renderRecords(records, makeStyle(false)).split('\n');
      // The heading before them, and nothing behind the last line break.
      expect(shown).toHaveLength(strings.length + 2);
      // Nothing that would move a cursor, hide a line or turn it round.
      expect(shown.filter((line) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(line))).toEqual([]);
    },
  );
});
