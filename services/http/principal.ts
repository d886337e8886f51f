import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';

import { certificateFingerprint, type CertificateFingerprint } from '#core/ids.ts';
import type { Role } from '#protocol/inventory.ts';

import { roleOf } from './roles.ts';

/** An administrator, as the certificate on the connection and the list of administrators make one. */
export interface Principal {
  /** The certificate's CN. */
  readonly name: string;
  readonly role: Role;
  readonly fingerprint: CertificateFingerprint;
  readonly notAfter: Date;
}

/** Whether a certificate stands on the list of administrators at this moment. Rejects when the list cannot be read. */
export type IsAdministrator = (fingerprint: CertificateFingerprint) => Promise<boolean>;

/**
 * Establishes for this request, not for the connection, that the peer's certificate was chained to the management CA in the
 * handshake, is within its validity, is for client authentication, names one person and one role of ours, and is on the list of
 * administrators now. Undefined otherwise.
 */
export async function authenticate(
  socket: Socket,
  now: Date,
  isAdministrator: IsAdministrator,
): Promise<Principal | undefined> {
  // Without `authorized` the certificate is only what the peer sent.
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const principal = readPrincipal(certificate);
  if (principal === undefined || now < certificate.validFromDate || now > certificate.validToDate) return undefined;
  return (await isAdministrator(principal.fingerprint)) ? principal : undefined;
}

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

function readPrincipal(certificate: X509Certificate): Principal | undefined {
  if (certificate.ca || !certificate.keyUsage?.includes(CLIENT_AUTH)) return undefined;
  const { CN: name, O: organisation } = certificate.toLegacyObject().subject;
  // A subject with two names or two organisations is a list here, and refused: nobody is two people.
  if (typeof name !== 'string' || typeof organisation !== 'string') return undefined;
  const role = roleOf(organisation);
  if (role === undefined || !PRINTABLE.test(name)) return undefined;
  return { name, role, fingerprint: certificateFingerprint(certificate.raw), notAfter: certificate.validToDate };
}

/** The name goes into audit records and logs. */
const PRINTABLE = /^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/;
