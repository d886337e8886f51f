import type { Bytes } from '#core/bytes.ts';
import { systemClock } from '#core/clock.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { encodePem, parsePemOf } from '#pki/x509/pem.ts';
import { joinResponseSchema } from '#protocol/join.ts';

import { labAdmission, labCsr, labIssuer, labKey, type NodeCa } from './node-ca.ts';
import type { RunningService } from './running-service.ts';
import type { TlsIdentity } from './service-pki.ts';
import type { LabTpm } from './software-tpm.ts';
import { joinOverWire } from './wire.ts';

/** What a TPM, the running service's unless another is given, earns by a join: the node's certificate, with its key. */
export async function joinedIdentity(
  running: Pick<RunningService, 'node' | 'tpm'>,
  { tpm = running.tpm, name }: { readonly tpm?: LabTpm; readonly name?: string } = {},
): Promise<TlsIdentity> {
  const key = labKey();
  const options = name === undefined ? { key } : { key, name };
  const { certificate } = joinResponseSchema.parse((await joinOverWire(running.node(), tpm, options)).json);
  const [leaf] = parsePemOf('CERTIFICATE', certificate.chainPem);
  if (leaf === undefined) throw new Error('a chain begins with its leaf');
  return identityOf(leaf, certificate.chainPem, key.export({ type: 'pkcs8', format: 'pem' }).toString());
}

/** A certificate for `worker-7` that the node CA's key signed past the service: as a thief of that key would make it. */
export async function unrecordedIdentity(ca: NodeCa): Promise<TlsIdentity> {
  const key = labKey();
  const issuer = labIssuer(ca);
  const prepared = issuer.prepare(labAdmission(), labCsr(key), systemClock());
  if (!prepared.ok) throw new Error(prepared.code);
  const { der } = await issuer.sign(prepared.prepared);
  const chain = encodePem('CERTIFICATE', der) + encodePem('CERTIFICATE', ca.issuing.certificate.der);
  return identityOf(der, chain, key.export({ type: 'pkcs8', format: 'pem' }).toString());
}

const identityOf = (leaf: Bytes, certificatePem: string, keyPem: string): TlsIdentity => ({
  certificate: parseCertificate(leaf),
  certificatePem,
  keyPem,
});
