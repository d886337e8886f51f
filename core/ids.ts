import type { Branded } from './brand.ts';
import type { Bytes } from './bytes.ts';
import { sha256Hex } from './digest.ts';
import type { RandomSource } from './random.ts';
import { uuidV4 } from './uuid.ts';

/** A Kubernetes node name that also fits a certificate's CN: RFC 1123 subdomain, at most 52 characters. */
export type NodeName = Branded<string, 'NodeName'>;
/** A node's identity for its whole life (UUID); it outlives names and keys. */
export type NodeId = Branded<string, 'NodeId'>;
/** A pool's name: RFC 1123 label. */
export type PoolName = Branded<string, 'PoolName'>;
/** One request to the service (UUID): the key from a problem document into logs and audit. */
export type RequestId = Branded<string, 'RequestId'>;
/** A certificate's serial number: lower-case hex of its positive big-endian value, no leading zero byte. */
export type Serial = Branded<string, 'Serial'>;
/** SHA-256 of an EK's SubjectPublicKeyInfo (rsaEncryption or named-curve form), lower-case hex. */
export type EkFingerprint = Branded<string, 'EkFingerprint'>;
/** SHA-256 of a key's SubjectPublicKeyInfo, lower-case hex. */
export type SpkiFingerprint = Branded<string, 'SpkiFingerprint'>;
/** SHA-256 of a certificate's DER, lower-case hex: what Kubernetes calls X509SHA256. */
export type CertificateFingerprint = Branded<string, 'CertificateFingerprint'>;
/** A machine that waits for approval (UUID). */
export type CandidateId = Branded<string, 'CandidateId'>;
/** SHA-256 of a ticket's bytes, lower-case hex. */
export type TicketId = Branded<string, 'TicketId'>;

const DNS_SUBDOMAIN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SHA256_HEX = /^[0-9a-f]{64}$/;
const SERIAL_HEX = /^(?!00)(?:[0-9a-f]{2}){1,20}$/;

/** `system:node:` and the name share a CN of at most 64 characters (RFC 5280 ub-common-name). */
export const NODE_NAME_MAX = 52;

/** RFC 1123 subdomain, lower-case ASCII, at most `NODE_NAME_MAX` characters. */
export const isNodeName = (text: string): text is NodeName => text.length <= NODE_NAME_MAX && DNS_SUBDOMAIN.test(text);
/** RFC 1123 label, at most 63 characters. */
export const isPoolName = (text: string): text is PoolName => DNS_LABEL.test(text);
/** A lower-case UUID of any version. */
export const isNodeId = (text: string): text is NodeId => UUID.test(text);
/** A lower-case UUID of any version. */
export const isRequestId = (text: string): text is RequestId => UUID.test(text);
/** A lower-case UUID of any version. */
export const isCandidateId = (text: string): text is CandidateId => UUID.test(text);
/** 64 characters of lower-case hex. */
export const isEkFingerprint = (text: string): text is EkFingerprint => SHA256_HEX.test(text);
/** 64 characters of lower-case hex. */
export const isCertificateFingerprint = (text: string): text is CertificateFingerprint => SHA256_HEX.test(text);
/** 1 to 20 bytes of lower-case hex, no leading zero byte. */
export const isSerial = (text: string): text is Serial => SERIAL_HEX.test(text);

/** The fingerprint of a key given as DER SubjectPublicKeyInfo. */
export const spkiFingerprint = (spki: Bytes): SpkiFingerprint => sha256Hex(spki) as SpkiFingerprint;
/** The fingerprint of an EK given as DER SubjectPublicKeyInfo in its plain form: an id-RSAES-OAEP key must be rewritten first. */
export const ekFingerprint = (spki: Bytes): EkFingerprint => sha256Hex(spki) as EkFingerprint;
/** The fingerprint of a certificate given as DER. */
export const certificateFingerprint = (der: Bytes): CertificateFingerprint => sha256Hex(der) as CertificateFingerprint;
/** The identity of a ticket, for one-shot consumption. */
export const ticketId = (ticket: Bytes): TicketId => sha256Hex(ticket) as TicketId;
/** A name for one request, of 122 random bits. */
export const newRequestId = (random: RandomSource): RequestId => uuidV4(random(16)) as RequestId;
/** An identity for a node that is being enrolled, of 122 random bits. */
export const newNodeId = (random: RandomSource): NodeId => uuidV4(random(16)) as NodeId;
/** An identity for a machine that waits for approval, of 122 random bits. */
export const newCandidateId = (random: RandomSource): CandidateId => uuidV4(random(16)) as CandidateId;
