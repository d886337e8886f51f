import { beforeAll, describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { OCSP_TRY_LATER, OCSP_UNAUTHORIZED } from '#pki/ocsp.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { ocspAnswers } from '#services/revocation/ocsp-answers.ts';
import { attime, hasTool, OUTPUT_FILE, runTool } from '#test/lab/foreign-tool.ts';
import { type JoinLab, joinLab } from '#test/lab/join-lab.ts';
import { labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';
import { changeNode, type Joined, joinedNode } from '#test/lab/revocation-lab.ts';

const pem = (der: Uint8Array) => ({ file: encodePem('CERTIFICATE', Buffer.from(der)) });

describe.skipIf(!hasTool('openssl'))('OCSP answers, asked and verified by OpenSSL,', () => {
  let lab: JoinLab;
  let node: Joined;
  let other: NodeCa;
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  beforeAll(async () => {
    lab = await joinLab();
    node = await joinedNode(lab, 'worker-1');
    other = await labNodeCa();
  });

  const ask = (issuer = lab.ca.issuing.certificate.der) => {
    const words = [
      'ocsp',
      '-no_nonce',
      '-issuer',
      pem(issuer),
      '-cert',
      pem(node.der),
      '-reqout',
      OUTPUT_FILE,
    ] as const;
    return Buffer.from(runTool('openssl', ...words).written);
  };
  const answers = (override: Partial<Parameters<typeof ocspAnswers>[0]> = {}) =>
    ocspAnswers({ authorities: [lab.ca.issuing], store: lab.store, now: lab.clock.now, onFault, ...override });
  const read = (answer: Uint8Array, issuer = lab.ca.issuing.certificate.der) =>
    runTool(
      'openssl',
      'ocsp',
      '-no_nonce',
      '-respin',
      { file: Buffer.from(answer) },
      '-issuer',
      pem(issuer),
      '-cert',
      pem(node.der),
      '-CAfile',
      pem(issuer),
      '-partial_chain',
      ...attime(lab.clock.now()),
      '-validity_period',
      '31536000',
    ).output;

  test('say good, then revoked', async () => {
    const answer = answers();
    const before = read(await answer(ask()));
    expect(before).toContain('Response verify OK');
    expect(before).toMatch(/: good/);
    await changeNode(lab.store, node, 'bar', { at: lab.clock.now(), reason: 'keyCompromise' });
    const after = read(await answer(ask()));
    expect(after).toContain('Response verify OK');
    expect(after).toMatch(/: revoked[\s\S]*keyCompromise/);
  });

  test('are for every issuer that is served, and for no other', async () => {
    const both = answers({ authorities: [other.issuing, lab.ca.issuing] });
    expect(read(await both(ask()))).toContain('Response verify OK');
    const stranger = await labNodeCa();
    expect(await both(ask(stranger.issuing.certificate.der))).toEqual(OCSP_UNAUTHORIZED);
  });

  test('tell the asker to come again where the store does not answer', async () => {
    const away = async () => Promise.reject(new DependencyError('store', 'lab'));
    const store = { findCertificate: away, findRevocation: away };
    expect(await answers({ store })(ask())).toEqual(OCSP_TRY_LATER);
    expect(faults).toHaveLength(1);
  });

  test('are bounded in number at one time', async () => {
    const held = Promise.withResolvers<undefined>();
    const store = { findCertificate: () => held.promise, findRevocation: async () => undefined };
    const answer = answers({ store });
    const request = ask();
    const underWay = Array.from({ length: 64 }, () => answer(request));
    expect(await answer(request)).toEqual(OCSP_TRY_LATER);
    held.resolve(undefined);
    const all = await Promise.all(underWay);
    expect(all.every((one) => one.byteLength > 100)).toBe(true);
    expect((await answer(request)).byteLength).toBeGreaterThan(100);
  });
});
