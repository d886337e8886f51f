import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import { certificateFingerprint, type CertificateFingerprint, isSerial, type Serial } from '#core/ids.ts';

import type { Anonymous, Route } from './route.ts';

/** What a caller of the node listener showed in its handshake. Whether the certificate is good now is another question. */
export interface NodePeer {
  /** Undefined: none, or one that the node CA did not issue. */
  readonly certificate: PeerCertificate | undefined;
}

/** A certificate that chains to the node CA, and whose key the caller holds. */
export interface PeerCertificate {
  readonly serial: Serial;
  readonly fingerprint: CertificateFingerprint;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const STRANGER: NodePeer = Object.freeze({ certificate: undefined });

/** A connection's certificate cannot change: TLS 1.3 has no renegotiation, and no certificate is asked for after the handshake. */
const known = new WeakMap<Socket, NodePeer>();

/** Who is at the other end of the socket, as the handshake established it. */
export function nodePeerOf(socket: Socket): NodePeer {
  // Without `authorized` the certificate is only what the peer sent.
  if (!(socket instanceof TLSSocket) || !socket.authorized) return STRANGER;
  const before = known.get(socket);
  if (before !== undefined) return before;
  const certificate = socket.getPeerX509Certificate();
  // A resumed session is authorized without a certificate of its own.
  const peer = certificate === undefined ? STRANGER : { certificate: readPeer(certificate) };
  known.set(socket, peer);
  return peer;
}

function readPeer(certificate: X509Certificate): PeerCertificate | undefined {
  const serial = certificate.serialNumber.toLowerCase();
  if (!isSerial(serial) || certificate.ca) return undefined;
  const { validFromDate: notBefore, validToDate: notAfter } = certificate;
  return { serial, fingerprint: certificateFingerprint(certificate.raw), notBefore, notAfter };
}

/** A route that anybody may call, on a listener that looks at certificates: the route is told of none. */
export const forAnybody = (route: Route<Anonymous>): Route<NodePeer> => ({
  ...route,
  run: (request) => route.run({ ...request, caller: 'anonymous' }),
});
