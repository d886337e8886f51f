import { attack, type CheckProof } from './check-proof.ts';

const ADMIT = 'services/join/admit-node.ts';
const TICKET = 'services/join/ticket.ts';
const PRINCIPAL = 'services/http/principal.ts';
const T55 = attack('T55-admin-api-without-leave');

/** What the HTTP service refuses before, after and beside the Verifier. */
export const SERVICE_PROOFS: readonly CheckProof[] = [
  {
    removes: 'that a name is enrolled once',
    file: 'services/store/enrolment-conflicts.ts',
    check: 'if (names.has(name) || (await enrolled.hasName(name)))',
    without: 'if (names.has(name))',
    test: attack('T50-one-name-two-tpms'),
  },
  {
    removes: 'the address that a ticket was given to',
    file: TICKET,
    check: "if (facts.origin !== expected.origin) return { ok: false, fault: 'other-origin' };",
    without: '',
    test: attack('T51-stolen-node-certificate'),
  },
  {
    removes: 'the segments, at a join',
    file: ADMIT,
    check: "if (!inForce.admitsFrom(origin)) return refuse('origin-refused', { reason: inForce.whyRefused(origin) });",
    without: '',
    test: attack('T51-stolen-node-certificate'),
  },
  {
    removes: 'that a ticket is taken once',
    file: ADMIT,
    check: "if (taken.kind !== 'fresh') return answerTaken(taken, about);",
    without: "if (taken.kind === 'repeat' || taken.kind === 'in-progress') return answerTaken(taken, about);",
    test: attack('T52-wrong-activation-answers'),
  },
  {
    removes: 'a ticket of another policy',
    file: TICKET,
    check: "if (facts.policyVersion !== expected.policyVersion) return { ok: false, fault: 'other-policy' };",
    without: '',
    test: 'test/services/join/ticket.test.ts',
  },
  {
    removes: "a ticket's expiry",
    file: TICKET,
    check: "if (expected.now >= facts.expiresAt) return { ok: false, fault: 'expired' };",
    without: '',
    test: 'test/services/join/ticket.test.ts',
  },
  {
    removes: 'that the handshake demands a certificate of the management CA',
    file: 'services/http/server.ts',
    check: 'rejectUnauthorized: true',
    without: 'rejectUnauthorized: false',
    test: T55,
  },
  {
    removes: 'the validity of a certificate on each request',
    file: PRINCIPAL,
    check: ' || now > certificate.validToDate',
    without: '',
    test: T55,
  },
  {
    removes: 'the list of administrators',
    file: PRINCIPAL,
    check: 'return (await isAdministrator(principal.fingerprint)) ? principal : undefined;',
    without: 'return principal;',
    test: T55,
  },
  {
    removes: "the role's permissions",
    file: 'services/compose/gates.ts',
    check: 'permission !== undefined && permits(role, permission)',
    without: 'permission !== undefined && role !== undefined',
    test: T55,
  },
  {
    removes: 'the patched releases of a Node.js line',
    file: 'services/node-version.ts',
    check: '{ 24: 13, 25: 3 }',
    without: '{ 24: 12, 25: 0 }',
    test: attack('A19-the-runtime'),
  },
];
