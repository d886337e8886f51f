import { type Bytes, equalBytes, utf8 } from '#core/bytes.ts';
import { verifyEvidence } from '#attestation/verify-evidence.ts';
import { challengeRequestSchema } from '#protocol/challenge.ts';
import { enrolmentRequestSchema } from '#protocol/enrolment.ts';
import { heartbeatRequestSchema } from '#protocol/heartbeat.ts';
import { joinRequestSchema } from '#protocol/join.ts';
import { forwardedClient } from '#services/http/forwarded-for.ts';
import { SegmentSet } from '#services/http/origin.ts';
import { parseProxyHeader, ProxyHeaderError } from '#services/http/proxy-protocol.ts';
import { JsonFormatError, parseStrictJson } from '#core/strict-json.ts';
import { openTicket } from '#services/join/ticket.ts';
import { FalseAcceptError, type FuzzTarget, ownErrors, taken } from '#test/fuzz/engine/fuzz-target.ts';
import { answerOf, challengeFor, challengeRequestOf, HOME, joinLab, TICKET_KEY } from '#test/lab/join-lab.ts';
import { proxyHeader } from '#test/lab/proxy-header.ts';
import { labJoin } from '#test/lab/tpm-evidence.ts';
import { challengeBody, joinBody } from '#test/lab/wire.ts';

const lab = await joinLab();
const request = answerOf(await challengeFor(lab), lab.tpm);
const verified = labJoin();

const JSON_SEEDS = [challengeBody(challengeRequestOf(lab.tpm)), joinBody(request)].map((body) => asJson(body));
const TRUSTED = new SegmentSet(['192.0.2.0/24', '2001:db8::/32']);

/** Bytes that only their whole is right of. */
const binary = { shape: 'binary', isOwnError: () => false } as const satisfies Partial<FuzzTarget>;
const json = {
  shape: 'text',
  maxBytes: 65_536,
  isOwnError: ownErrors(JsonFormatError),
} as const satisfies Partial<FuzzTarget>;

interface Schema {
  safeParse(value: unknown): { readonly success: boolean };
}

const reads =
  (schema: Schema): FuzzTarget['read'] =>
  (input) =>
    schema.safeParse(parseStrictJson(input)).success;

/** What nodes, proxies and administrators send. */
export const MESSAGE_TARGETS: readonly FuzzTarget[] = [
  { ...json, name: 'JSON', seeds: JSON_SEEDS, read: taken(parseStrictJson) },
  { ...json, name: 'challenge request', seeds: JSON_SEEDS.slice(0, 1), read: reads(challengeRequestSchema) },
  { ...json, name: 'join request', maxBytes: 262_144, seeds: JSON_SEEDS.slice(1), read: reads(joinRequestSchema) },
  {
    ...json,
    name: 'enrolment request',
    seeds: [asJson({ nodes: [{ name: 'worker-8', pool: 'general', ekPublicHash: 'ab'.repeat(32) }], dryRun: true })],
    read: reads(enrolmentRequestSchema),
  },
  {
    ...json,
    name: 'heartbeat',
    seeds: [
      asJson({
        bootId: '5f2ad8a1-52a4-4c0e-8f3e-0a4a55cbe4a1',
        agentVersion: '0.1.0',
        clock: '2026-11-21T10:00:00Z',
      }),
    ],
    read: reads(heartbeatRequestSchema),
  },
  {
    ...binary,
    name: 'ticket',
    maxBytes: 18_000,
    seeds: [request.ticket],
    read: (input) => {
      const { version: policyVersion } = lab.policy;
      const opened = openTicket(input, { keys: [TICKET_KEY], now: lab.clock.now(), origin: HOME, policyVersion });
      return onlyGenuine(opened.ok, input, request.ticket, 'ticket');
    },
  },
  {
    ...binary,
    name: 'quote, verified',
    maxBytes: 1_024,
    seeds: [verified.evidence.quoted],
    read: (quoted) => {
      const { ok } = verifyEvidence({ ...verified, evidence: { ...verified.evidence, quoted } });
      return onlyGenuine(ok, quoted, verified.evidence.quoted, 'quote');
    },
  },
  {
    ...binary,
    name: 'quote’s signature, verified',
    maxBytes: 1_024,
    seeds: [verified.evidence.signature],
    read: (signature) => {
      const { ok } = verifyEvidence({ ...verified, evidence: { ...verified.evidence, signature } });
      return onlyGenuine(ok, signature, verified.evidence.signature, 'signature');
    },
  },
  {
    ...binary,
    name: 'PROXY header',
    maxBytes: 1_040,
    isOwnError: ownErrors(ProxyHeaderError),
    seeds: [
      proxyHeader('192.0.2.7', { fields: Buffer.from('040003aabbcc', 'hex') }),
      proxyHeader('2001:db8::7'),
      proxyHeader('192.0.2.7', { fields: Buffer.from('0300040a0b0c0d', 'hex') }),
    ],
    read: taken(parseProxyHeader),
  },
  {
    ...binary,
    name: 'X-Forwarded-For',
    shape: 'text',
    maxBytes: 8_192,
    seeds: [utf8('10.1.2.3, 192.0.2.4'), utf8('::ffff:10.1.2.3,2001:db8::1, 192.0.2.4')],
    read: (input) =>
      forwardedClient(Buffer.from(input).toString('latin1'), { trusted: TRUSTED, hops: 2 }) !== undefined,
  },
];

function onlyGenuine(isTaken: boolean, input: Bytes, genuine: Bytes, what: string): boolean {
  if (isTaken && !equalBytes(input, genuine)) throw new FalseAcceptError(`a changed ${what} is taken`);
  return isTaken;
}

function asJson(body: object): Bytes {
  return utf8(JSON.stringify(body));
}
