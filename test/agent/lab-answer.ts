import type { Bytes } from '#core/bytes.ts';
import { certificateFingerprint } from '#core/ids.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { certificateSerial, parseCertificate } from '#pki/x509/certificate.ts';
import { buildSigned, buildTbsCertificate, type TbsParts } from '#pki/x509/certificate-writer.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectKeyIdentifier,
} from '#pki/x509/extension-writer.ts';
import { keyIdentifier } from '#pki/x509/key-identifier.ts';
import { buildName, type NamePart } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE, KEY_PURPOSE } from '#pki/x509/oids.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { parseSpki } from '#pki/x509/spki.ts';
import type { JoinResponse } from '#protocol/join.ts';
import { LAB_NOW } from '#test/lab/node-ca.ts';

/** Everything in a node's certificate that a test may want wrong. */
export interface LeafOptions {
  readonly spki: Bytes;
  readonly tbs?: Partial<TbsParts>;
  readonly purposes?: readonly string[];
  readonly basicConstraints?: Bytes;
  readonly keyUsage?: Bytes;
  readonly moreExtensions?: readonly Bytes[];
  /** Signs in the authority's name. */
  readonly signer?: Authority['signer'];
}

/** A moment, in milliseconds from the laboratory's. */
export const labTime = (ms: number): Date => new Date(LAB_NOW.getTime() + ms);

/** A subject of one organization for each given, and a common name. */
export const subjectOf = (commonName: string, ...organizations: readonly string[]): Bytes =>
  buildName(...organizations.map((text): NamePart => [ATTRIBUTE.organization, text]), [
    ATTRIBUTE.commonName,
    commonName,
  ]);

/** A join's answer for worker-7, with a certificate that no issuer of ours would make if `options` say so. */
export async function labAnswer(authority: Authority, options: LeafOptions): Promise<JoinResponse> {
  const issuer = authority.certificate;
  const { purposes = [KEY_PURPOSE.clientAuth], moreExtensions = [] } = options;
  const tbs = buildTbsCertificate({
    serial: Buffer.of(0x41, 0x42),
    signatureAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha256,
    issuer: issuer.subject.raw,
    subject: subjectOf('system:node:worker-7', 'system:nodes'),
    notBefore: labTime(-300_000),
    notAfter: labTime(8 * 3_600_000),
    spki: options.spki,
    extensions: [
      options.basicConstraints ?? basicConstraints(),
      options.keyUsage ?? keyUsage('digitalSignature'),
      ...(purposes.length === 0 ? [] : [extendedKeyUsage(...purposes)]),
      authorityKeyIdentifier(issuer.extensions.subjectKeyIdentifier ?? keyIdentifier(issuer.publicKey)),
      subjectKeyIdentifier(keyIdentifier(parseSpki(options.spki))),
      ...moreExtensions,
    ],
    ...options.tbs,
  });
  const signature = await (options.signer ?? authority.signer).sign(tbs);
  const leaf = parseCertificate(buildSigned(tbs, SIGNATURE_ALGORITHM.ecdsaSha256, signature));
  return {
    node: {
      id: '6f1c2c1e-52a4-4c0e-8f3e-0a4a55cbe4a1',
      name: 'worker-7',
      pool: 'general',
      protectionRating: 'default',
    },
    certificate: {
      chainPem: encodePem('CERTIFICATE', leaf.der) + encodePem('CERTIFICATE', issuer.der),
      serial: certificateSerial(leaf) ?? '',
      fingerprint: certificateFingerprint(leaf.der),
      notBefore: leaf.notBefore.toISOString(),
      notAfter: leaf.notAfter.toISOString(),
      renewAt: leaf.notAfter.toISOString(),
    },
    kubernetes: {
      apiServer: 'https://kubernetes.lab.example:6443',
      caPem: encodePem('CERTIFICATE', issuer.der),
      nodeLabels: {},
      registerWithTaints: [],
    },
  };
}
