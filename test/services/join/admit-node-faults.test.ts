import { describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import {
  answerOf,
  auditTypes,
  challengeFor,
  join,
  type JoinLab,
  joinLab,
  joinLabOver,
  submit,
  told,
} from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { labStorePath } from '#test/lab/sqlite-store.ts';

const rows = async ({ store, node }: JoinLab) => store.listCertificates(node.id, 100);

describe('admitNode, when something it stands on fails', () => {
  const down = () => Promise.reject(new DependencyError('store', 'down'));
  const broken = () => {
    throw new Error('a bug');
  };

  test.each<[string, (lab: JoinLab) => Partial<JoinLab['deps']>, boolean]>([
    ['nothing fails', () => ({}), true],
    ['the ticket cannot be taken', () => ({ takeTicket: down }), false],
    ['the node cannot be looked up', () => ({ findNodeByEk: down }), false],
    ['the verifier throws', () => ({ verifyEvidence: broken }), false],
    ['the appraisal throws', () => ({ appraise: broken }), false],
    ['the certificate cannot be prepared', ({ deps }) => ({ issuer: { ...deps.issuer, prepare: broken } }), false],
    ['the intent cannot be recorded', () => ({ reserveSerial: down }), false],
  ])('signs only if it may: %s', async (_, fail, signs) => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    let signed = 0;
    const deps = { ...lab.deps, ...fail(lab) };
    const issuer = {
      ...deps.issuer,
      sign: (...intent: Parameters<typeof deps.issuer.sign>) => (signed++, deps.issuer.sign(...intent)),
    };
    const outcome = await submit({ deps: { ...deps, issuer } }, request).then(told, () => 'fault');
    expect({ outcome, signed }).toEqual(signs ? { outcome: 'ok', signed: 1 } : { outcome: 'fault', signed: 0 });
    expect(await rows(lab)).toHaveLength(signs ? 1 : 0);
  });

  test('answers nothing and leaves a serial that is known when the certificate cannot be recorded', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    await expect(submit({ deps: { ...lab.deps, recordIssued: down } }, request)).rejects.toThrow(DependencyError);
    expect((await rows(lab)).map(({ state }) => state)).toEqual(['signing']);
    expect(told(await submit(lab, request))).toBe('state-conflict');
    expect(await auditTypes(lab.store)).toEqual(['certificate.signing']);
    expect((await lab.store.findNode(lab.node.id))?.state).toBe('enrolled');
  });

  test('answers nothing when the key cannot be used, and orphans the serial at once: the retry begins anew', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    const issuer = { ...lab.deps.issuer, sign: down };
    await expect(submit({ deps: { ...lab.deps, issuer } }, request)).rejects.toThrow(DependencyError);
    const [certificate] = await rows(lab);
    expect(certificate?.state).toBe('orphaned');
    expect((await lab.store.listRevocations(undefined, 10)).map(({ serial }) => serial)).toEqual([certificate?.serial]);
    expect(await auditTypes(lab.store)).toEqual(['certificate.signing', 'certificate.orphaned']);
    expect(told(await submit(lab, request))).toBe('challenge-invalid');
    expect((await lab.store.findNode(lab.node.id))?.state).toBe('enrolled');
    expect(told(await join(lab))).toBe('ok');
  });

  test('passes on the fault of the key, not the store’s, when both are away; somebody is told of the serial', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    const alerts: string[] = [];
    const deps = {
      ...lab.deps,
      issuer: { ...lab.deps.issuer, sign: () => Promise.reject(new DependencyError('signer', 'sealed')) },
      orphanSerials: down,
      alert: (_: object, message: string) => void alerts.push(message),
    };
    await expect(submit({ deps }, request)).rejects.toMatchObject({ dependency: 'signer' });
    expect(alerts).toEqual(['serial number stays reserved until the next start']);
    expect((await rows(lab)).map(({ state }) => state)).toEqual(['signing']);
  });

  test('takes no ticket while the key is known to be away', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    const signerGate = { ...lab.deps.signerGate, assertUsable: down };
    await expect(submit({ deps: { ...lab.deps, signerGate } }, request)).rejects.toThrow(DependencyError);
    expect(await rows(lab)).toEqual([]);
    expect(await auditTypes(lab.store)).toEqual([]);
    expect(told(await submit(lab, request))).toBe('ok');
  });

  test('refuses nobody off the record', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm, { audience: 'elsewhere' });
    await expect(submit({ deps: { ...lab.deps, appendAudit: down } }, request)).rejects.toThrow(DependencyError);
  });

  test('does not hand out what was signed for a node that was barred in the meantime', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    const { issuer } = lab.deps;
    const sign = async (...intent: Parameters<typeof issuer.sign>) => {
      const certificate = await issuer.sign(...intent);
      lab.store.setNodeState(lab.node.id, 'barred');
      return certificate;
    };
    expect(told(await submit({ deps: { ...lab.deps, issuer: { ...issuer, sign } } }, request))).toBe(
      'evidence-rejected',
    );
    expect((await auditTypes(lab.store)).at(-1)).toBe('join.refused');
    expect((await rows(lab)).map(({ state }) => state)).toEqual(['orphaned']);
  });
});

describe('admitNode, asked by many at once', () => {
  test('one ticket with 1,000 different requests admits one', async () => {
    const lab = await joinLab();
    const challenge = await challengeFor(lab);
    const requests = Array.from({ length: 1_000 }, () => answerOf(challenge, lab.tpm, { key: labKey() }));
    const outcomes = await Promise.all(requests.map((request) => submit(lab, request).then(told)));
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'challenge-invalid']));
    expect(await rows(lab)).toHaveLength(1);
  });

  test('one request sent 1,000 times issues one certificate', async () => {
    const lab = await joinLab();
    const request = answerOf(await challengeFor(lab), lab.tpm);
    const outcomes = await Promise.all(Array.from({ length: 1_000 }, () => submit(lab, request).then(told)));
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'state-conflict']));
    expect(await rows(lab)).toHaveLength(1);
  });

  test('one ticket with 200 different requests admits one, over the store that is deployed', async () => {
    const { path, remove } = labStorePath();
    await using store = await openSqliteStore({ path });
    const lab = await joinLabOver({ store });
    const challenge = await challengeFor(lab);
    const requests = Array.from({ length: 200 }, () => answerOf(challenge, lab.tpm, { key: labKey() }));
    const outcomes = await Promise.all(requests.map((request) => submit(lab, request).then(told)));
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
    expect(await store.listCertificates(lab.node.id, 10)).toHaveLength(1);
    remove();
  });
});
