import { type ProblemName, PROBLEMS, problemType, type Retry } from '#protocol/problem.ts';

const RETRY: Readonly<Record<Retry, string>> = {
  never: 'The same request will be refused again: a person has to change something. The agent exits with 77 (or 70).',
  'same-request':
    'The same request may succeed later, after `Retry-After` where it is given. The agent waits and sends it again.',
  'new-challenge': 'The agent begins again with a new challenge.',
};

/** When a problem is answered, for the person who meets it, and what to do first. */
const WHEN: Readonly<Record<ProblemName, string>> = {
  'malformed-request':
    'The body, path or query does not match the schema; `errors` points to each member that is wrong.',
  'csr-rejected':
    'The certificate request is not PKCS#10 in DER, its signature does not verify, or its key is not one that is certified.',
  'revocation-reason-refused': 'The reason is not in the list of those that this service takes.',
  'authentication-required':
    'No client certificate of the management CA, an expired one, or one that is not on the list of administrators now.',
  'step-up-required':
    'The act has to be signed by a security key (`stepUp` in the document says over what), the signature that came was not accepted, or no key is registered where one is required. The audit log says which: [operations/administrators.md](operations/administrators.md).',
  'permission-denied': 'The administrator’s role does not have the permission; `muster` shows the role with `whoami`.',
  'origin-refused': 'The caller’s address is in no segment of the policy, or not in its own pool’s.',
  'evidence-rejected': 'Verification or appraisal refused. `muster joins show REQUEST` lists every failed check.',
  'token-refused':
    'The join token is wrong, spent, revoked or expired, or the key that came with it did not prove itself. All of these look the same; the audit log says which. Ask for a new token.',
  'node-barred': 'The node’s TPM has proven itself, and an administrator has barred the node.',
  'not-found': 'There is no such path, node, join or certificate.',
  'method-not-allowed': 'The path exists and takes other methods; `Allow` names them.',
  'challenge-invalid':
    'The ticket is unknown, expired, spent, from another address, or was made under another policy: which of them is in the audit log.',
  'state-conflict': 'The name or the EK is enrolled already; or the same join is still running.',
  'precondition-failed': 'The record has changed since it was read.',
  'payload-too-large': 'The body is over the route’s limit.',
  'unsupported-media-type': 'The body is not `application/json` in UTF-8, or it is compressed.',
  'rate-limited': 'Too many requests.',
  overloaded: 'More is asked at the same time than the service works on. `Retry-After` spreads those who come back.',
  'internal-error': 'A bug or a fault; the service’s log has it under the request id.',
  'dependency-unavailable': 'The store or the signer did not do its part. Without a record nothing is signed.',
};

/** `docs/problems.md`: every problem document that the service answers with. */
export function problemsPage(): string {
  const names = Object.keys(PROBLEMS).filter((name): name is ProblemName => Object.hasOwn(PROBLEMS, name));
  const rows = names.map((name) => {
    const { status, retry } = PROBLEMS[name];
    return `| \`${name}\` | ${status} | ${retry} | ${WHEN[name]} |`;
  });
  return `# Problems

<!-- Generated from protocol/problem.ts by scripts/gen-docs.ts. -->

Every refusal is a problem document (RFC 9457, \`application/problem+json\`). \`type\` is \`${problemType('not-found').replace('not-found', '<name>')}\`, the same
whatever the service's host name. \`instance\` is \`urn:uuid:<request id>\`: the service's log and its audit log have the request under that id.
A caller who is not authenticated learns the name and nothing else, except for \`malformed-request\` and \`csr-rejected\`.

| Name | Status | Retry | When |
|---|---|---|---|
${rows.join('\n')}

## What \`retry\` means

${Object.entries(RETRY)
  .map(([retry, meaning]) => `- \`${retry}\`: ${meaning}`)
  .join('\n')}
`;
}
