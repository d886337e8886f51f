import type { AsyncCommand } from 'fast-check';

import { newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import type { JoinRequest } from '#protocol/join.ts';
import { approveCandidate } from '#services/admin/approve-candidate.ts';
import { type Asker, changeNodes } from '#services/admin/change-nodes.ts';
import { revokeCertificate } from '#services/admin/revoke-certificate.ts';
import { authenticateNode } from '#services/inventory/authenticate-node.ts';
import { certifiedChallenge } from '#test/lab/admission-lab.ts';
import { answerOf, askChallenge, nodeName, poolName, submit, told } from '#test/lab/join-lab.ts';

import { type Agreement, assertAgreement, certificatesOf, livesOf, type Model } from './agreement.ts';
import {
  applyChange,
  authorizerPasses,
  type Between,
  type Change,
  CHANGE_RECORDS,
  type ExpectedCertificate,
  expectJoin,
  heartbeatAnswer,
  newLife,
  presentLife,
} from './expected.ts';
import { Crash, type Name, type World } from './world.ts';

/** One step of a history. After each, everybody is asked whether they agree with the model. */
export class Step implements AsyncCommand<Model, World> {
  readonly #text: string;
  readonly #perform: (model: Model, world: World) => Promise<Agreement>;

  constructor(text: string, perform: (model: Model, world: World) => Promise<Agreement>) {
    this.#text = text;
    this.#perform = perform;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, world: World): Promise<void> {
    // Two seconds between steps: certificates' beginnings, which are whole seconds, tell their order.
    world.clock.advance(2_000);
    await assertAgreement(model, world, await this.#perform(model, world));
  }

  toString(): string {
    return this.#text;
  }
}

const asker = (): Asker => ({ name: 'alice', requestId: newRequestId(systemRandom), address: '127.0.0.1' });
const nothing: Agreement = { records: [], answer: ['nothing', 'nothing'] };

/** A join, or a renewal: the same thing, with or without something that comes between. */
export const joinStep = (name: Name, between: Between | undefined): Step =>
  new Step(
    `join ${name}${between === undefined ? '' : ` (${between.what} ${between.point})`}`,
    async (model, world) => {
      const request = await requestOf(world, name);
      if (between !== undefined) {
        const { point, what } = between;
        const spring = async (): Promise<void> => {
          if (what === 'crash') return world.die();
          await change(world, name, what);
        };
        world.trap = { point, spring };
      }
      const found = await submit(world, request).then(told, (error: unknown) => {
        if (error instanceof Crash) return 'crash';
        throw error;
      });
      const now = world.clock.now();
      const expected = expectJoin(livesOf(model, name), between, now);
      if (found === 'crash') await world.restart();
      world.trap = undefined;
      if (expected.certificate !== undefined) await nameIt(model, world, name, expected.certificate);
      const expiresAt = new Date(now.getTime() + 60_000);
      model.last.set(name, { request, isTaken: expected.isTaken, expiresAt, certificate: expected.certificate });
      return { records: expected.records, answer: [found, expected.answer] };
    },
  );

async function requestOf(world: World, name: Name): Promise<JoinRequest> {
  const { tpms, maker } = world.machines;
  const outcome = await askChallenge(
    { deps: world.deps, tpm: tpms[name] },
    { request: certifiedChallenge(tpms[name], maker, name) },
  );
  if (!outcome.ok) throw new Error(`no challenge: ${outcome.problem}`);
  return answerOf(challengeResponseSchema.parse(outcome.response), tpms[name], { name });
}

/** Gives the certificate that a join should have left the name that the service gave it. */
async function nameIt(model: Model, world: World, name: Name, certificate: ExpectedCertificate): Promise<void> {
  const known = new Set(livesOf(model, name).flatMap((life) => life.certificates.map(({ serial }) => serial)));
  const added = (await certificatesOf(world, name)).filter(({ serial }) => !known.has(serial));
  const [one] = added;
  if (one === undefined || added.length > 1) throw new Error(`a join has left ${added.length} certificates`);
  const { serial, fingerprint, notBefore, notAfter } = one;
  Object.assign(certificate, { serial, fingerprint, notBefore, notAfter });
}

const change = async (world: World, name: Name, what: Change): Promise<string> => {
  const deps = { now: world.clock.now, store: world.store };
  const outcome = await changeNodes(
    deps,
    { change: what, nodes: [nodeName(name)], dryRun: false, text: undefined, reason: undefined, expect: undefined },
    asker(),
  );
  return outcome.ok ? 'ok' : outcome.problem;
};

export const changeStep = (name: Name, what: Change): Step =>
  new Step(`${what} ${name}`, async (model, world) => {
    const node = presentLife(livesOf(model, name));
    const isDone = applyChange(node, what, world.clock.now());
    const refusal = node === undefined ? 'not-found' : 'state-conflict';
    return {
      records: isDone ? [CHANGE_RECORDS[what]] : [],
      answer: [await change(world, name, what), isDone ? 'ok' : refusal],
    };
  });

/** Of a machine's certificates one, counted from the newest; of all of its lives. */
function pick(model: Model, name: Name, back: number): ExpectedCertificate | undefined {
  const handedOut = livesOf(model, name)
    .flatMap((life) => life.certificates)
    .filter(({ fingerprint }) => fingerprint !== undefined);
  return handedOut.at(-1 - back);
}

export const revokeStep = (name: Name, back: number): Step =>
  new Step(`revoke certificate ${back} of ${name}`, async (model, world) => {
    const certificate = pick(model, name, back);
    if (certificate === undefined) return nothing;
    const { standing, notAfter, serial } = certificate;
    const can = (standing === 'issued' || standing === 'held') && notAfter >= world.clock.now();
    const outcome = await revokeCertificate(
      { now: world.clock.now, store: world.store },
      { certificate: serial, reason: 'keyCompromise' },
      asker(),
    );
    if (can) Object.assign(certificate, { standing: 'revoked', reason: 1 });
    return {
      records: can ? ['certificate.revoked'] : [],
      answer: [outcome.ok ? 'ok' : outcome.problem, can ? 'ok' : 'state-conflict'],
    };
  });

export const heartbeatStep = (name: Name, back: number): Step =>
  new Step(`heartbeat of ${name} with certificate ${back}`, async (model, world) => {
    const certificate = pick(model, name, back);
    const life = livesOf(model, name).find(({ certificates }) => certificates.some((one) => one === certificate));
    const record = (await certificatesOf(world, name)).find(({ serial }) => serial === certificate?.serial);
    if (certificate === undefined || life === undefined || record?.fingerprint === undefined) return nothing;
    const { serial, fingerprint, notBefore, notAfter } = record;
    const now = world.clock.now();
    const found = await authenticateNode(world.store, { serial, fingerprint, notBefore, notAfter }, now);
    return { records: [], answer: [found.ok ? 'ok' : found.problem, heartbeatAnswer(life, certificate, now)] };
  });

/** The node uses a certificate at the API server. */
export const useStep = (name: Name, back: number): Step =>
  new Step(`${name} uses certificate ${back}`, async (model, world) => {
    const certificate = pick(model, name, back);
    if (certificate?.fingerprint === undefined) return nothing;
    const { fingerprint } = certificate;
    const context = { now: world.clock.now(), used: model.used };
    const passes = authorizerPasses(presentLife(livesOf(model, name)), certificate, context);
    const decision = world.authorize(name, fingerprint);
    if (passes) model.used.add(fingerprint);
    return { records: [], answer: [decision === 'no-opinion' ? 'passes' : 'denied', passes ? 'passes' : 'denied'] };
  });

/** An administrator lets a machine in that waits under this name. */
export const approveStep = (name: Name): Step =>
  new Step(`approve ${name}`, async (model, world) => {
    const { store, clock } = world;
    const waiting = await store.listCandidates(clock.now(), 100);
    const candidate = waiting.find(({ ekFingerprint }) => ekFingerprint === world.machines.tpms[name].ekFingerprint);
    if (candidate === undefined) return nothing;
    const lives = livesOf(model, name);
    const isFree = presentLife(lives) === undefined;
    const outcome = await approveCandidate(
      {
        now: clock.now,
        random: systemRandom,
        hasPool: () => true,
        findNode: (id) => store.findNode(id),
        findCandidate: (id, at) => store.findCandidate(id, at),
        approveCandidate: (...approval) => store.approveCandidate(...approval),
        refuseCandidate: (...refusal) => store.refuseCandidate(...refusal),
      },
      candidate.id,
      { revision: candidate.revision, name: nodeName(name), pool: poolName('general') },
      asker(),
    );
    if (isFree) lives.push(newLife());
    return {
      records: isFree ? ['candidate.approved'] : [],
      answer: [outcome.ok ? 'ok' : outcome.problem, isFree ? 'ok' : 'state-conflict'],
    };
  });

/** The last join is sent once more, as a node does that got no answer. */
export const retryStep = (name: Name): Step =>
  new Step(`send the last join of ${name} again`, async (model, world) => {
    const last = model.last.get(name);
    // One whose ticket was never taken is a join like any other.
    if (last?.isTaken !== true) return nothing;
    const node = presentLife(livesOf(model, name));
    const { certificate, expiresAt, request } = last;
    const isOwn = certificate !== undefined && node?.certificates.includes(certificate) === true;
    const isGood = isOwn && certificate.standing === 'issued' && node?.state === 'joined';
    const isRepeat = isGood && world.clock.now() < expiresAt;
    const outcome = await submit(world, request);
    if (outcome.ok) {
      const records = ['join.repeated'];
      return { records, answer: [outcome.admitted.certificate.serial, isRepeat ? certificate.serial : 'refused'] };
    }
    return { records: [], maybe: 'join.refused', answer: ['refused', isRepeat ? certificate.serial : 'refused'] };
  });

export const restartStep = (): Step =>
  new Step('restart of the service', async (_, world) => {
    await world.restart();
    return nothing;
  });

export const restartAuthorizerStep = (): Step =>
  new Step('restart of the authorizer', async (_, world) => {
    await world.restartAuthorizer();
    return nothing;
  });

export const waitStep = (minutes: number): Step =>
  new Step(`${minutes} minutes later`, async (_, world) => {
    world.clock.advance(minutes * 60_000);
    return nothing;
  });
