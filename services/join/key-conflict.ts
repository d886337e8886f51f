import type { Denial, VerifiedClaims } from '#attestation/result.ts';
import { generationDenial } from '#attestation/signed-measurements/generation-denial.ts';
import { readAttestationKey } from '#attestation/tpm2/attestation-key.ts';
import { isDenial } from '#attestation/denial.ts';
import { plainSpkiOf } from '#attestation/tpm2/public-area-spki.ts';
import { equalBytes } from '#core/bytes.ts';
import { ekFingerprint, type EkFingerprint, type SpkiFingerprint, spkiFingerprint } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { Csr } from '#pki/x509/csr.ts';
import { verifyCsr } from '#pki/x509/verify-csr.ts';

import type { TicketFacts } from './ticket-facts.ts';

export interface KeyConflictDeps {
  readonly findNodeByEk: (ek: EkFingerprint) => Promise<NodeRecord | undefined>;
  readonly findNodesByAk: (akName: string) => Promise<readonly NodeRecord[]>;
  readonly findNodesByCertifiedKey: (key: SpkiFingerprint) => Promise<readonly NodeRecord[]>;
}

/** A join whose evidence was verified. */
export interface Claimant {
  readonly claims: VerifiedClaims;
  readonly challenge: TicketFacts;
  readonly csr: Csr;
  /** The claimant's record, where it is a node. */
  readonly node: NodeRecord | undefined;
}

/** A key that is not the claimant's alone, or not for that use. */
export interface KeyConflict {
  readonly denial: Denial;
  /** Others who hold the key. */
  readonly holders: readonly NodeRecord[];
  /** Who is frozen for it, the claimant among them: docs/decisions/0019-who-may-freeze-a-node.md says why these. */
  readonly freezes: readonly NodeRecord[];
}

/**
 * The first way in which the claimant's keys are not its own: the key of a node without a TPM has two holders; its AK last quoted for another EK; the key in its request is its EK or its AK,
 * another node's EK, or one that a certificate was signed over for another EK. That the claimant holds the key is established before
 * anything is said: by the quote for the AK, by the request's signature for the others. Without a conflict, undefined.
 */
export async function findKeyConflict(deps: KeyConflictDeps, claimant: Claimant): Promise<KeyConflict | undefined> {
  const proven = generationConflict(claimant) ?? (await akConflict(deps, claimant));
  if (proven !== undefined) return proven;
  const conflict = await requestKeyConflict(deps, claimant);
  // A request that its key did not sign proves nothing about anybody; the issuer refuses it.
  return conflict !== undefined && verifyCsr(claimant.csr).ok ? conflict : undefined;
}

/** Two hold the key that a node without a TPM signs with. Only they can have signed; which of them is the node, nobody can say. */
function generationConflict({ claims, node }: Claimant): KeyConflict | undefined {
  const denial = generationDenial(claims, node);
  return denial && { denial, holders: [], freezes: listed(node) };
}

async function akConflict(deps: KeyConflictDeps, { claims, node }: Claimant): Promise<KeyConflict | undefined> {
  if (claims.kind !== 'tpm2-quote') return undefined;
  const sharers = await deps.findNodesByAk(claims.akName);
  const holders = sharers.filter((holder) => holder.ekFingerprint !== claims.ek.fingerprint);
  if (holders.length === 0) return undefined;
  const denial: Denial = { code: 'ak-of-another-ek', found: claims.akName, expected: namesOf(holders) };
  // The quote is fresh, and only a TPM that holds the AK can have made it.
  return { denial, holders, freezes: [...holders, ...listed(node)] };
}

async function requestKeyConflict(deps: KeyConflictDeps, claimant: Claimant): Promise<KeyConflict | undefined> {
  const { challenge, csr, node } = claimant;
  const { raw: spki } = csr.publicKey;
  const own = ownKeyConflict(claimant);
  if (own !== undefined) return own;
  const asEk = listed(await deps.findNodeByEk(ekFingerprint(spki)));
  const certified = await deps.findNodesByCertifiedKey(spkiFingerprint(spki));
  const holders = [...asEk, ...certified].filter((holder) => holder.ekFingerprint !== challenge.ekFingerprint);
  if (holders.length === 0) return undefined;
  const denial: Denial = { code: 'key-of-another-node', found: spkiFingerprint(spki), expected: namesOf(holders) };
  // The request's signature is not fresh: a stranger, who has nothing to lose, freezes nobody by showing one.
  return { denial, holders, freezes: node === undefined ? [] : [...holders, node] };
}

/** One key for two uses. A TPM's EK signs nothing, so whoever signs a request with it has it outside of a TPM. */
function ownKeyConflict({ challenge, csr, node }: Claimant): KeyConflict | undefined {
  if (challenge.kind !== 'tpm2-quote') return undefined;
  const { raw: spki } = csr.publicKey;
  if (ekFingerprint(spki) === challenge.ekFingerprint) {
    return { denial: { code: 'key-of-another-use', detail: 'the key is the EK' }, holders: [], freezes: listed(node) };
  }
  const ak = readAttestationKey(challenge.akPublic);
  if (isDenial(ak) || !equalBytes(plainSpkiOf(ak.area), spki)) return undefined;
  return { denial: { code: 'key-of-another-use', detail: 'the key is the AK' }, holders: [], freezes: [] };
}

const listed = (node: NodeRecord | undefined): readonly NodeRecord[] => (node === undefined ? [] : [node]);
const namesOf = (holders: readonly NodeRecord[]): string => holders.map(({ name }) => name).join(', ');
