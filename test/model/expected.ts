import type { CertificateFingerprint } from '#core/ids.ts';
import type { KillPoint } from '#test/lab/kill-points.ts';

/** What a certificate should be. `held` ends with a release; `orphaned` and `revoked` do not end. */
export interface ExpectedCertificate {
  serial: string;
  fingerprint: CertificateFingerprint | undefined;
  notBefore: Date;
  notAfter: Date;
  standing: 'signing' | 'issued' | 'held' | 'orphaned' | 'revoked';
  /** CRLReason of what stands on the list. */
  reason: number | undefined;
}

export type ExpectedState = 'enrolled' | 'joined' | 'quarantined' | 'barred' | 'retired';
export type Change = 'quarantine' | 'release' | 'bar' | 'unbar' | 'retire';
export const CHANGES: readonly Change[] = ['quarantine', 'release', 'bar', 'unbar', 'retire'];

/** A node from its enrolment to its retirement; newest certificate last. */
export interface ExpectedNode {
  state: ExpectedState;
  /** What a release leads back to. */
  heldFrom: 'enrolled' | 'joined';
  /** What an unbar leads back to. */
  barredFrom: 'enrolled' | 'quarantined';
  readonly certificates: ExpectedCertificate[];
}

/** A name and every machine's life under it, the present one last; none before it was enrolled, or after it was retired. */
export type ExpectedLives = ExpectedNode[];

export const presentLife = (lives: ExpectedLives): ExpectedNode | undefined => {
  const last = lives.at(-1);
  return last?.state === 'retired' ? undefined : last;
};

export const newLife = (): ExpectedNode => ({
  state: 'enrolled',
  heldFrom: 'enrolled',
  barredFrom: 'enrolled',
  certificates: [],
});

const STARTS: Readonly<Record<Change, readonly ExpectedState[]>> = {
  quarantine: ['enrolled', 'joined'],
  release: ['quarantined'],
  bar: ['enrolled', 'joined', 'quarantined'],
  unbar: ['barred'],
  retire: ['enrolled', 'joined', 'quarantined', 'barred'],
};

const REASON = { bar: 9, retire: 5, hold: 6, superseded: 4 } as const;

/** Does `change` to `node` at `now`; false where it must be refused. */
export function applyChange(node: ExpectedNode | undefined, change: Change, now: Date): boolean {
  if (node === undefined || !STARTS[change].includes(node.state)) return false;
  const unexpired = node.certificates.filter(({ notAfter }) => notAfter >= now);
  switch (change) {
    case 'quarantine':
      node.heldFrom = node.state === 'joined' ? 'joined' : 'enrolled';
      node.state = 'quarantined';
      for (const one of unexpired) {
        if (one.standing === 'issued') Object.assign(one, { standing: 'held', reason: REASON.hold });
        if (one.standing === 'signing') Object.assign(one, { standing: 'revoked', reason: REASON.superseded });
      }
      return true;
    case 'release':
      node.state = node.heldFrom;
      for (const one of node.certificates) {
        if (one.standing === 'held') Object.assign(one, { standing: 'issued', reason: undefined });
      }
      return true;
    case 'bar':
      node.barredFrom = node.state === 'quarantined' ? 'quarantined' : 'enrolled';
      if (node.state === 'quarantined') node.heldFrom = 'enrolled';
      node.state = 'barred';
      end(unexpired, REASON.bar);
      return true;
    case 'unbar':
      node.state = node.barredFrom;
      return true;
    case 'retire':
      node.state = 'retired';
      end(unexpired, REASON.retire);
      return true;
  }
}

function end(certificates: readonly ExpectedCertificate[], reason: number): void {
  for (const one of certificates) {
    if (one.standing === 'orphaned' || one.standing === 'revoked') continue;
    Object.assign(one, { standing: 'revoked', reason });
  }
}

/** What comes between in a join: a death of the process, or an administrator who is faster. */
export interface Between {
  readonly point: KillPoint;
  readonly what: 'crash' | Change;
}

/** What a join should come to: its answer, the records in their order, whether its ticket is spent, and the certificate that it leaves. */
export interface ExpectedJoin {
  readonly answer: string;
  readonly records: readonly string[];
  readonly isTaken: boolean;
  readonly certificate: ExpectedCertificate | undefined;
}

/** The types of the records that changes leave. */
export const CHANGE_RECORDS: Readonly<Record<Change, string>> = {
  quarantine: 'node.quarantined',
  release: 'node.released',
  bar: 'node.barred',
  unbar: 'node.unbarred',
  retire: 'node.retired',
};

const ALWAYS = new Date(8_640_000_000_000_000);

/** A join of a machine with these lives, step by step; a restart follows on a death. What it does to the lives is done to them. */
export function expectJoin(lives: ExpectedLives, between: Between | undefined, now: Date): ExpectedJoin {
  const records: string[] = [];
  let isTaken = false;
  const left: ExpectedCertificate[] = [];
  const ends = (answer: string, ...last: readonly string[]): ExpectedJoin => ({
    answer,
    records: [...records, ...last],
    isTaken,
    certificate: left[0],
  });
  const dies = (...points: readonly KillPoint[]): boolean => {
    if (between === undefined || !points.includes(between.point)) return false;
    if (between.what === 'crash') return true;
    if (applyChange(presentLife(lives), between.what, now)) records.push(CHANGE_RECORDS[between.what]);
    return false;
  };

  if (dies('before takeTicket')) return ends('crash');
  isTaken = true;
  if (dies('after takeTicket')) return ends('crash');
  const node = presentLife(lives);
  const read = node?.state;
  if (dies('after findNodeByEk')) return ends('crash');
  if (node === undefined) return ends('awaiting-approval');
  if (read === 'barred') return ends('node-barred', 'join.refused');
  if (read !== 'enrolled' && read !== 'joined') return ends('evidence-rejected', 'join.refused');
  if (dies('before reserveSerial')) return ends('crash');
  if (node.state !== 'enrolled' && node.state !== 'joined') return ends('evidence-rejected', 'join.refused');
  const certificate: ExpectedCertificate = { ...UNNAMED, standing: 'signing', reason: undefined };
  left.push(certificate);
  node.certificates.push(certificate);
  records.push('certificate.signing');
  if (dies('after reserveSerial', 'before sign', 'after sign', 'before recordIssued')) {
    Object.assign(certificate, { standing: 'orphaned', reason: REASON.superseded });
    return ends('crash', 'certificate.orphaned');
  }
  if (hasEnded(certificate)) return ends('evidence-rejected', 'join.refused');
  certificate.standing = 'issued';
  node.state = 'joined';
  records.push('certificate.issued');
  return ends(dies('after recordIssued') ? 'crash' : 'ok');
}

/** Until it is known what the service called it. */
const UNNAMED = { serial: '', fingerprint: undefined, notBefore: ALWAYS, notAfter: ALWAYS };
const hasEnded = ({ standing }: ExpectedCertificate): boolean => standing !== 'signing';

/** What a heartbeat with this certificate should be told. */
export function heartbeatAnswer(node: ExpectedNode, certificate: ExpectedCertificate, now: Date): string {
  const { notBefore, notAfter, standing } = certificate;
  if (now < notBefore || now > notAfter) return 'authentication-required';
  if (node.state === 'barred') return 'node-barred';
  if (node.state === 'quarantined') return 'permission-denied';
  if (standing !== 'issued') return 'authentication-required';
  return node.state === 'joined' ? 'ok' : 'permission-denied';
}

/** Certificates older than the newest that the authorizer lists. */
const OLDER_MAX = 8;

/**
 * Whether the authorizer should let this certificate of the present node pass: its node is joined; it is issued and within its time; and of
 * those that were handed out after it none was revoked, and none was shown to the API server.
 */
export function authorizerPasses(
  node: ExpectedNode | undefined,
  certificate: ExpectedCertificate,
  { now, used }: { readonly now: Date; readonly used: ReadonlySet<string> },
): boolean {
  if (node?.state !== 'joined' || !node.certificates.includes(certificate)) return false;
  if (certificate.standing !== 'issued' || now.getTime() >= certificate.notAfter.getTime() + 1_000) return false;
  const newer = node.certificates
    .slice(node.certificates.indexOf(certificate) + 1)
    .filter(({ standing, fingerprint }) => standing !== 'orphaned' && fingerprint !== undefined);
  return (
    newer.length <= OLDER_MAX &&
    newer.every(({ standing, fingerprint = '' }) => standing === 'issued' && !used.has(fingerprint))
  );
}
