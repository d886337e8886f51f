import type { Bytes } from '#core/bytes.ts';

import { contextPrimitive } from './der-tags.ts';
import {
  boolean,
  element,
  integer,
  namedBits,
  octetString,
  oid,
  sequence,
  tagged,
  taggedPrimitive,
} from './der-writer.ts';
import { type KeyUsage, keyUsageBit } from './key-extensions.ts';
import { EXTENSION } from './oids.ts';

/** One extension; `value` is the DER that goes into its OCTET STRING. */
export const extension = (type: string, critical: boolean, value: Bytes): Buffer =>
  sequence(oid(type), ...(critical ? [boolean(true)] : []), octetString(value));

/** Critical. CA:FALSE without arguments; CA:TRUE with a path length, or with `unlimited`. */
export function basicConstraints(pathLength?: number | 'unlimited'): Buffer {
  if (pathLength === undefined) return extension(EXTENSION.basicConstraints, true, sequence());
  const limit = pathLength === 'unlimited' ? [] : [integer(pathLength)];
  return extension(EXTENSION.basicConstraints, true, sequence(boolean(true), ...limit));
}

/** Critical. */
export const keyUsage = (...usages: readonly KeyUsage[]): Buffer =>
  extension(EXTENSION.keyUsage, true, namedBits(...usages.map(keyUsageBit)));

export const extendedKeyUsage = (...purposes: readonly string[]): Buffer =>
  extension(EXTENSION.extendedKeyUsage, false, sequence(...purposes.map(oid)));

export const subjectKeyIdentifier = (keyIdentifier: Bytes): Buffer =>
  extension(EXTENSION.subjectKeyIdentifier, false, octetString(keyIdentifier));

export const authorityKeyIdentifier = (keyIdentifier: Bytes): Buffer =>
  extension(EXTENSION.authorityKeyIdentifier, false, sequence(taggedPrimitive(0, keyIdentifier)));

/** Names as GeneralName encodings: see `dnsName`, `ipAddress`, `directoryName`. */
export const subjectAltName = (critical: boolean, ...names: readonly Bytes[]): Buffer =>
  extension(EXTENSION.subjectAltName, critical, sequence(...names));

/** One distribution point with one URI as its full name. */
export const crlDistributionPoint = (uri: string): Buffer =>
  extension(
    EXTENSION.crlDistributionPoints,
    false,
    sequence(sequence(tagged(0, tagged(0, taggedPrimitive(6, Buffer.from(uri, 'latin1')))))),
  );

export const dnsName = (name: string): Buffer => taggedPrimitive(2, Buffer.from(name, 'latin1'));

/** `address` is 4 or 16 bytes. */
export const ipAddress = (address: Bytes): Buffer => element(contextPrimitive(7), address);

/** `name` is a Name's encoding; the tag on a CHOICE is EXPLICIT. */
export const directoryName = (name: Bytes): Buffer => tagged(4, name);
