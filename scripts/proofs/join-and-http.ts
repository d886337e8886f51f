import type { CheckProof } from './check-proof.ts';

const ADMIT = 'services/join/admit-node.ts';
const ADMIT_TEST = 'test/services/join/admit-node.test.ts';
const CHALLENGE = 'services/join/open-challenge.ts';
const CHALLENGE_TEST = 'test/services/join/open-challenge.test.ts';
const TICKET_TEST = 'test/services/join/ticket.test.ts';
const SERVER_TEST = 'test/services/http/server.test.ts';
const JSON_FILE = 'core/strict-json.ts';
const JSON_TEST = 'test/core/strict-json.test.ts';
const IDENTITY_TEST = 'test/services/admin/identity.test.ts';

/** What the join, the listeners and the administrators' API check. */
export const JOIN_AND_HTTP_PROOFS: readonly CheckProof[] = [
  {
    removes: "the pool's own segment at the join",
    file: ADMIT,
    check: 'if (pool !== undefined && !inForce.admitsTo(pool.pool, origin))',
    without: 'if (false)',
    test: ADMIT_TEST,
  },
  {
    removes: 'the look at the key before the ticket is taken',
    file: ADMIT,
    check: 'await deps.signerGate.assertUsable();',
    without: '',
    test: 'test/services/join/admit-node-faults.test.ts',
  },
  {
    removes: 'the end of a serial whose signature failed',
    file: 'services/join/sign-or-orphan.ts',
    check: 'await orphanIntent(deps, intent);',
    without: '',
    test: 'test/services/join/admit-node-faults.test.ts',
  },
  {
    removes: 'the bound on looks at a key that is away',
    file: 'services/join/signer-gate.ts',
    check: 'if (looking !== undefined || elapsedMs() - lookedMs >= LOOK_EVERY_MS) await look();',
    without: 'await look();',
    test: 'test/services/join/signer-gate.test.ts',
  },
  {
    removes: 'the record before the signature',
    file: ADMIT,
    check: 'if (!(await stillAdmissible(deps.reserveSerial(intent, ticket, certificateSigning(occasion, intent))))) {',
    without: 'if (Math.random() > 2) {',
    test: ADMIT_TEST,
  },
  {
    removes: 'that barring is said only to the node itself',
    file: ADMIT,
    check: "return refuse('evidence-rejected', { ...about, denials: verified.denials });",
    without: "return refuse('node-barred', { ...about, denials: verified.denials });",
    test: ADMIT_TEST,
  },
  {
    removes: 'that a repeat is answered to a joined node alone',
    file: 'services/join/admitted.ts',
    check: " || node.state !== 'joined'",
    without: '',
    test: ADMIT_TEST,
  },
  {
    removes: 'the segment at the challenge',
    file: CHALLENGE,
    check: 'if (origin === undefined || !inForce.admitsFrom(origin))',
    without: 'if (origin === undefined)',
    test: CHALLENGE_TEST,
  },
  {
    removes: "the pool's own segment at the challenge",
    file: CHALLENGE,
    check: 'if (node !== undefined && inForce.policy.pools.has(node.pool) && !inForce.admitsTo(node.pool, origin)) {',
    without: 'if (false) {',
    test: CHALLENGE_TEST,
  },
  {
    removes: "the bound on a ticket's certificates",
    file: CHALLENGE,
    check: 'if (certificateBytes > TICKET_CERTIFICATES_MAX_BYTES) {',
    without: 'if (false) {',
    test: CHALLENGE_TEST,
  },
  {
    removes: "a ticket's seal",
    file: 'core/sealing.ts',
    check: '  } catch {\n    return undefined;\n  }\n  return plaintext;',
    without: '  } catch {}\n  return plaintext;',
    test: TICKET_TEST,
  },
  {
    removes: 'TLS 1.3 as the least',
    file: 'services/http/server.ts',
    check: "minVersion: 'TLSv1.3',",
    without: '',
    test: SERVER_TEST,
  },
  {
    removes: 'that no session is resumed',
    file: 'services/http/server.ts',
    check: 'secureOptions: constants.SSL_OP_NO_TICKET,',
    without: '',
    test: SERVER_TEST,
  },
  {
    removes: 'plain paths',
    file: 'services/http/app.ts',
    check: 'else if (!PLAIN_PATH.test(pathOf(request)))',
    without: 'else if (false)',
    test: SERVER_TEST,
  },
  {
    removes: 'the count of a chunked body',
    file: 'services/http/body.ts',
    check: "if (size > limit) throw new ProblemError('payload-too-large');",
    without: '',
    test: SERVER_TEST,
  },
  {
    removes: 'that a body is not compressed',
    file: 'services/http/body.ts',
    check: "if (request.headers['content-encoding'] !== undefined)",
    without: 'if (false)',
    test: SERVER_TEST,
  },
  {
    removes: 'the depth of JSON',
    file: JSON_FILE,
    check: "if (open.length === DEPTH_MAX) throw new JsonFormatError('too-deep');",
    without: '',
    test: JSON_TEST,
  },
  {
    removes: 'members named twice',
    file: JSON_FILE,
    check: "if (names.has(name)) throw new JsonFormatError('duplicate-member');",
    without: '',
    test: JSON_TEST,
  },
  {
    removes: '__proto__',
    file: JSON_FILE,
    check: "if (name === '__proto__') throw new JsonFormatError('member-refused');",
    without: '',
    test: JSON_TEST,
  },
  {
    removes: 'zone ids',
    file: 'services/http/origin.ts',
    check: "text.includes('%') || ",
    without: '',
    test: 'test/services/http/origin.test.ts',
  },
  {
    removes: 'what a stranger may not be told',
    file: 'services/http/problem-response.ts',
    check: 'const told = authenticated || DETAILED_TO_ANYONE.has(problem.problem);',
    without: 'const told = true;',
    test: 'test/services/http/problem-response.test.ts',
  },
  {
    removes: 'that roles exist',
    file: 'services/http/roles.ts',
    check: 'ROLES.find((role) => `${PREFIX}${role}` === organisation)',
    without: "(ROLES.find((role) => `${PREFIX}${role}` === organisation) ?? 'viewer')",
    test: IDENTITY_TEST,
  },
  {
    removes: "an enrolment's pool",
    file: 'services/admin/enrol-nodes.ts',
    check: 'if (!deps.hasPool(node.pool))',
    without: 'if (false)',
    test: 'test/services/admin/enrol-nodes.test.ts',
  },
  {
    removes: 'two CAs apart',
    file: 'services/material.ts',
    check: 'if (chain !== undefined && clientCa !== undefined && shareAKey(nodeCasOf(chain, others), clientCa.ders)) {',
    without: 'if (false) {',
    test: 'test/services/material.test.ts',
  },
];
