import type { CheckProof } from './check-proof.ts';

const HTTP = 'services/http';
const POLICY = 'services/join/join-policy.ts';
const POLICY_TEST = 'test/services/join/join-policy.test.ts';
const LIMITS = 'services/join/join-limits.ts';
const LIMITS_TEST = 'test/services/join/join-limits.test.ts';
const WORK = 'services/http/work-limit.ts';
const WORK_TEST = 'test/services/http/work-limit.test.ts';
const ORIGIN = 'services/http/caller-origin.ts';
const ORIGIN_TEST = 'test/services/http/caller-origin.test.ts';
const HEADER = 'services/http/proxy-protocol.ts';
const HEADER_TEST = 'test/services/http/proxy-protocol.test.ts';
const FORWARDED = 'services/http/forwarded-for.ts';
const FORWARDED_TEST = 'test/services/http/forwarded-for.test.ts';

const CALL_TEST = 'test/services/join/callback.test.ts';
const CALLBACK_TEST = 'test/join/callback.test.ts';

/** What is checked of where a caller is, and of how much it asks. */
export const NETWORK_ORIGIN_PROOFS: readonly CheckProof[] = [
  {
    removes: 'the callback',
    file: 'services/join/admit-node.ts',
    check: 'if (pool.callback !== undefined) {',
    without: 'if (false) {',
    test: CALLBACK_TEST,
  },
  {
    removes: 'what the callback came to',
    file: 'services/join/admit-node.ts',
    check: "if (!answered.ok) return refuse('evidence-rejected', { ...about, claims, denials: [answered] });",
    without: '',
    test: CALLBACK_TEST,
  },
  {
    removes: 'the key that a callback must show',
    file: 'services/join/callback.ts',
    check: 'if (holdsKey(socket, quoted)) {',
    without: 'if (quoted.length > 0) {',
    test: CALL_TEST,
  },
  {
    removes: 'the answer that a callback must get',
    file: 'services/join/callback.ts',
    check: 'NO_CONTENT.test(line.slice(0, Math.max(end, 0)))',
    without: 'line.length > 0',
    test: CALL_TEST,
  },
  {
    removes: "the ticket's hash in the agent's answer",
    file: 'agent/callback-listener.ts',
    check: "request.method === 'GET' && request.url === expected",
    without: "request.method === 'GET'",
    test: CALL_TEST,
  },
  {
    removes: 'the class of a segment',
    file: POLICY,
    check: 'accepted: acceptClasses.includes(found.class),',
    without: 'accepted: true,',
    test: POLICY_TEST,
  },
  {
    removes: 'that the least trusted class decides',
    file: POLICY,
    check: 'SEGMENT_CLASSES.toReversed()',
    without: 'SEGMENT_CLASSES',
    test: POLICY_TEST,
  },
  {
    removes: 'the limit of each source',
    file: LIMITS,
    check: "if (retryAfterSeconds !== undefined) return { problem: 'rate-limited', retryAfterSeconds };",
    without: '',
    test: LIMITS_TEST,
  },
  {
    removes: 'that an EK is counted apart for each address',
    file: LIMITS,
    check: '`${ek} ${networkOf(origin)}`',
    without: 'ek',
    test: LIMITS_TEST,
  },
  {
    removes: 'the limit of each EK at the challenge',
    file: 'services/join/open-challenge.ts',
    check: "if (retryAfterSeconds !== undefined) return { ok: false, problem: 'rate-limited', retryAfterSeconds };",
    without: '',
    test: LIMITS_TEST,
  },
  {
    removes: 'the limit of each EK at the join',
    file: 'services/join/admit-node.ts',
    check: "if (retryAfterSeconds !== undefined) return { ok: false, problem: 'rate-limited', retryAfterSeconds };",
    without: '',
    test: LIMITS_TEST,
  },
  {
    removes: 'the bound on what a limit remembers',
    file: `${HTTP}/rate-limit.ts`,
    check: ' && this.#wholeAt.size <= this.#keysMax',
    without: '',
    test: 'test/services/http/rate-limit.test.ts',
  },
  {
    removes: 'the bound on work that waits',
    file: WORK,
    check: 'if (this.#queue.size >= this.#options.waiting) throw this.#overloaded();',
    without: '',
    test: WORK_TEST,
  },
  {
    removes: 'the bound on work that runs',
    file: WORK,
    check: 'if (this.#running < this.#options.running) {',
    without: 'if (this.#running >= 0) {',
    test: WORK_TEST,
  },
  {
    removes: 'the time that work may take',
    file: WORK,
    check: 'return this.#untilTooLong(result);',
    without: 'return result;',
    test: WORK_TEST,
  },
  {
    removes: 'who may send a PROXY protocol header',
    file: ORIGIN,
    check: 'if (proxy === undefined || !trusted.contains(proxy)) {',
    without: 'if (proxy === undefined) {',
    test: ORIGIN_TEST,
  },
  {
    removes: 'who may send X-Forwarded-For',
    file: ORIGIN,
    check: `if (peer === undefined || !trusted.contains(peer)) return peer;
      return forwardedClient(`,
    without: `if (peer === undefined) return peer;
      return forwardedClient(`,
    test: ORIGIN_TEST,
  },
  {
    removes: 'the signature of the PROXY protocol',
    file: HEADER,
    check:
      "if (!bytes.subarray(0, SIGNATURE.byteLength).equals(SIGNATURE)) throw new ProxyHeaderError('not-version-2');",
    without: '',
    test: HEADER_TEST,
  },
  {
    removes: "the bound on a header's length",
    file: HEADER,
    check: "if (length > PAYLOAD_MAX_BYTES) throw new ProxyHeaderError('too-long');",
    without: '',
    test: HEADER_TEST,
  },
  {
    removes: "a header's checksum",
    file: HEADER,
    check:
      "if (crc32c(withZeros(bytes, valueAt)) !== bytes.readUInt32BE(valueAt)) throw new ProxyHeaderError('checksum-wrong');",
    without: '',
    test: HEADER_TEST,
  },
  {
    removes: 'the count from the right',
    file: FORWARDED,
    check: 'entries.slice(-hops)',
    without: 'entries',
    test: FORWARDED_TEST,
  },
  {
    removes: 'that each hop is a trusted proxy',
    file: FORWARDED,
    check: 'proxy !== undefined && trusted.contains(proxy)',
    without: 'proxy !== undefined',
    test: FORWARDED_TEST,
  },
];
