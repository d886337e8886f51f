import { sign } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { buildSigned } from '#pki/x509/certificate-writer.ts';
import { type Crl, parseCrl } from '#pki/x509/crl.ts';
import { TAG } from '#pki/x509/der-tags.ts';
import { element, integer, sequence, tagged, time, unsignedInteger } from '#pki/x509/der-writer.ts';
import { authorityKeyIdentifier, extension } from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';

import { type Identity, NOW } from './lab.ts';

const DAY_MS = 86_400_000;

/** One entry of a lab CRL. */
export interface LabEntry {
  readonly serial: Bytes;
  readonly reason?: number;
  readonly extensions?: readonly Bytes[];
}

/** What one test wants otherwise than a good CRL has it. */
export interface CrlOtherwise {
  readonly version?: readonly Bytes[];
  readonly issuer?: Bytes;
  readonly thisUpdate?: Date;
  /** `undefined` leaves it out. */
  readonly nextUpdate?: Date | undefined;
  readonly entries?: readonly LabEntry[];
  /** Replaces the list of entries, as a whole element. */
  readonly rawEntries?: Bytes;
  /** Replaces the extensions. */
  readonly extensions?: readonly Bytes[];
  /** Stands after the extensions of a good CRL. */
  readonly more?: readonly Bytes[];
  readonly innerAlgorithm?: Bytes;
  readonly signWith?: Identity;
}

export const crlNumber = (number: number): Bytes => extension(EXTENSION.crlNumber, false, integer(number));
export const reasonCode = (reason: number): Bytes =>
  extension(EXTENSION.reasonCode, false, element(TAG.enumerated, Buffer.of(reason)));
export const issuingPoint = (...parts: readonly Bytes[]): Bytes =>
  extension(EXTENSION.issuingDistributionPoint, true, sequence(...parts));

/** A CRL of `issuer`, current at NOW, as bytes. */
export function crlDer(issuer: Identity, otherwise: CrlOtherwise = {}): Bytes {
  const { certificate, key } = issuer;
  const ski = certificate.extensions.subjectKeyIdentifier ?? Buffer.alloc(0);
  const nextUpdate = 'nextUpdate' in otherwise ? otherwise.nextUpdate : new Date(NOW.getTime() + DAY_MS);
  const extensions = otherwise.extensions ?? [authorityKeyIdentifier(ski), crlNumber(1), ...(otherwise.more ?? [])];
  const tbs = sequence(
    ...(otherwise.version ?? [integer(1)]),
    otherwise.innerAlgorithm ?? SIGNATURE_ALGORITHM.ecdsaSha256,
    otherwise.issuer ?? certificate.subject.raw,
    time(otherwise.thisUpdate ?? new Date(NOW.getTime() - DAY_MS)),
    ...(nextUpdate === undefined ? [] : [time(nextUpdate)]),
    ...entryList(otherwise),
    ...(extensions.length === 0 ? [] : [tagged(0, sequence(...extensions))]),
  );
  const signature = sign('sha256', tbs, otherwise.signWith?.key ?? key);
  return buildSigned(tbs, SIGNATURE_ALGORITHM.ecdsaSha256, signature);
}

/** The same, parsed. */
export const crl = (issuer: Identity, otherwise: CrlOtherwise = {}): Crl => parseCrl(crlDer(issuer, otherwise));

function entryList({ entries = [], rawEntries }: CrlOtherwise): readonly Bytes[] {
  if (rawEntries !== undefined) return [rawEntries];
  if (entries.length === 0) return [];
  return [
    sequence(
      ...entries.map(({ serial, reason, extensions = [] }) => {
        const all = [...(reason === undefined ? [] : [reasonCode(reason)]), ...extensions];
        const revokedAt = time(new Date(NOW.getTime() - 2 * DAY_MS));
        return sequence(unsignedInteger(serial), revokedAt, ...(all.length === 0 ? [] : [sequence(...all)]));
      }),
    ),
  ];
}
