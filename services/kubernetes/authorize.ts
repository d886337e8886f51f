import type { CertificateFingerprint } from '#core/ids.ts';
import { isCertificateFingerprint } from '#core/ids.ts';

import type { AllowedCertificate, Snapshot, SnapshotNode } from './snapshot.ts';
import type { SubjectAccessReview } from './subject-access-review.ts';

/** Why a request was denied. The API server gives it back to the caller and logs it, so it says nothing but this. */
export const DENIALS = [
  'snapshot-missing',
  'snapshot-too-old',
  'node-name-missing',
  'node-unknown',
  'node-not-joined',
  'node-quarantined',
  'node-barred',
  'credential-missing',
  'credential-unknown',
  'credential-superseded',
  'credential-expired',
  'certificate-request',
] as const;
export type AuthorizerDenial = (typeof DENIALS)[number];

/** There is no way to say "allowed": the authorizers after this one decide that. */
export type AuthorizerDecision =
  | { readonly kind: 'no-opinion'; readonly used?: CertificateFingerprint }
  | { readonly kind: 'denied'; readonly denial: AuthorizerDenial };

/** What a decision is made with, besides the review. */
export interface AuthorizerView {
  /** Undefined: none could be read, so no node is known. */
  readonly snapshot: Snapshot | undefined;
  readonly now: Date;
  /** Older than this, the snapshot speaks for nobody. */
  readonly maxAgeMs: number;
  /** Whether this certificate has been seen in use. */
  readonly isUsed: (fingerprint: CertificateFingerprint) => boolean;
  /** True where kubelets ask the cluster's CA for serving certificates. */
  readonly allowNodeCsr: boolean;
}

const NODE_USER = 'system:node:';
const NODE_GROUP = 'system:nodes';
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';
const TOKEN_NODE_NAME = 'authentication.kubernetes.io/node-name';
const TOKEN_NODE_UID = 'authentication.kubernetes.io/node-uid';
const X509 = 'X509SHA256=';

/**
 * Decides on one request by what Muster knows of nodes. `denied` is final for the API server. `no-opinion` establishes, for a node's own
 * credential, that the node is joined and that the certificate it authenticated with is on its list, within its time and not older than one that
 * was used here, and then `used` is that certificate; for a token bound to a node, that the node is joined or is one that Muster does not
 * manage. It says nothing of what the caller may do. Everybody else's requests are none of its business.
 */
export function authorize(view: AuthorizerView, review: SubjectAccessReview): AuthorizerDecision {
  if (review.user.startsWith(NODE_USER) || review.groups.includes(NODE_GROUP)) return authorizeNode(view, review);
  const name = review.extra.get(TOKEN_NODE_NAME);
  const uid = review.extra.get(TOKEN_NODE_UID);
  if (name !== undefined || uid !== undefined) return authorizeToken(view, name ?? [], uid ?? []);
  return { kind: 'no-opinion' };
}

function authorizeNode(view: AuthorizerView, review: SubjectAccessReview): AuthorizerDecision {
  const snapshot = freshSnapshot(view);
  if (typeof snapshot === 'string') return denied(snapshot);
  const name = review.user.startsWith(NODE_USER) ? review.user.slice(NODE_USER.length) : '';
  if (name === '') return denied('node-name-missing');
  if (snapshot.isUnmanaged(name)) return { kind: 'no-opinion' };
  const node = snapshot.node(name);
  if (node === undefined) return denied('node-unknown');
  const state = stateDenial(node);
  if (state !== undefined) return denied(state);
  const fingerprint = shownCertificate(review.extra.get(CREDENTIAL_ID));
  if (fingerprint === undefined) return denied('credential-missing');
  const credential = credentialDenial(view, node, fingerprint);
  if (credential !== undefined) return denied(credential);
  // The review names no signer, and one of them gives kubelets a client certificate of the cluster's CA, good for a year.
  if (!view.allowNodeCsr && createsCsr(review)) return denied('certificate-request');
  return { kind: 'no-opinion', used: fingerprint };
}

function authorizeToken(view: AuthorizerView, names: readonly string[], uids: readonly string[]): AuthorizerDecision {
  const snapshot = freshSnapshot(view);
  if (typeof snapshot === 'string') return denied(snapshot);
  for (const uid of uids) {
    const node = snapshot.nodeByUid(uid);
    const state = node === undefined ? undefined : stateDenial(node);
    if (state !== undefined) return denied(state);
  }
  // A node's UID without its name comes from no token that Kubernetes makes.
  if (names.length === 0) return denied('node-name-missing');
  for (const name of names) {
    if (snapshot.isUnmanaged(name)) continue;
    const node = snapshot.node(name);
    const state = node === undefined ? 'node-unknown' : stateDenial(node);
    if (state !== undefined) return denied(state);
  }
  return { kind: 'no-opinion' };
}

function freshSnapshot({ snapshot, now, maxAgeMs }: AuthorizerView): Snapshot | AuthorizerDenial {
  if (snapshot === undefined) return 'snapshot-missing';
  return now.getTime() - snapshot.issuedAt.getTime() > maxAgeMs ? 'snapshot-too-old' : snapshot;
}

function stateDenial({ state }: SnapshotNode): AuthorizerDenial | undefined {
  switch (state) {
    case 'joined':
      return undefined;
    case 'barred':
      return 'node-barred';
    case 'quarantined':
      return 'node-quarantined';
    case 'enrolled':
    case 'pending':
    case 'retired':
      return 'node-not-joined';
  }
}

/** The one certificate that authenticated the request; undefined for none, for several, and for anything but a certificate. */
function shownCertificate(credentialIds: readonly string[] = []): CertificateFingerprint | undefined {
  const [id, ...rest] = credentialIds;
  if (id === undefined || rest.length > 0 || !id.startsWith(X509)) return undefined;
  const fingerprint = id.slice(X509.length);
  return isCertificateFingerprint(fingerprint) ? fingerprint : undefined;
}

function credentialDenial(
  { now, isUsed }: AuthorizerView,
  { current, previous }: SnapshotNode,
  fingerprint: CertificateFingerprint,
): AuthorizerDenial | undefined {
  const place = previous.findIndex((certificate) => certificate.fingerprint === fingerprint);
  const allowed = has(current, fingerprint) ?? previous[place];
  if (allowed === undefined) return 'credential-unknown';
  const newer = place < 0 ? [] : [...current, ...previous.slice(0, place)];
  if (newer.some((certificate) => isUsed(certificate.fingerprint))) return 'credential-superseded';
  // notAfter is a certificate's last second (RFC 5280 §4.1.2.5).
  return now.getTime() >= allowed.notAfter.getTime() + 1_000 ? 'credential-expired' : undefined;
}

const has = (certificates: readonly AllowedCertificate[], fingerprint: string): AllowedCertificate | undefined =>
  certificates.find((certificate) => certificate.fingerprint === fingerprint);

/** Whatever the subresource: the controller that approves asks under `selfnodeclient` in the node's name. */
const createsCsr = ({ resource }: SubjectAccessReview): boolean =>
  resource !== undefined &&
  ['create', '*'].includes(resource.verb) &&
  ['certificates.k8s.io', '*'].includes(resource.group) &&
  ['certificatesigningrequests', '*'].includes(resource.resource);

const denied = (denial: AuthorizerDenial): AuthorizerDecision => ({ kind: 'denied', denial });
