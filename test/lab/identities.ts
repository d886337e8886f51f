import { systemClock } from '#core/clock.ts';
import { ROLES, type Role } from '#protocol/inventory.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { joinResponseSchema } from '#protocol/join.ts';

import { labKey, labNodeCa } from './node-ca.ts';
import type { RunningService } from './running-service.ts';
import { labAdministrator, labServerIdentity, type TlsIdentity } from './service-pki.ts';
import { joinOverWire } from './wire.ts';

/** Somebody who calls the administrators' listener. */
export interface Caller {
  readonly who: string;
  readonly identity: TlsIdentity | undefined;
  /** The role that the certificate gives them; undefined: they may do nothing whatever. */
  readonly role: Role | undefined;
}

/** Twelve callers and more: those who are nobody here, and one of each role. The service's node must be enrolled. */
export async function callers(running: RunningService): Promise<readonly Caller[]> {
  const { management } = running.ca;
  const nobody = async (who: string, identity: Promise<TlsIdentity> | undefined): Promise<Caller> => ({
    who,
    identity: await identity,
    role: undefined,
  });
  const roles: Caller[] = [];
  for (const role of ROLES) roles.push({ who: role, identity: await running.administrator(role, role), role });
  return [
    await nobody('no certificate', undefined),
    await nobody('another CA', otherManagement()),
    await nobody('a node', nodeIdentity(running)),
    await nobody('the service itself', labServerIdentity(management)),
    await nobody('taken off the list', labAdministrator(management, { name: 'mallory' })),
    await nobody('a role that does not exist', running.administrator('superuser', 'mallory')),
    await nobody('a role that begins like another', running.administrator('cluster-administrators', 'mallory')),
    ...roles,
  ];
}

const otherManagement = async (): Promise<TlsIdentity> =>
  labAdministrator((await labNodeCa({ now: systemClock() })).management);

/** The certificate that the service's enrolled node earns by a join, and its key. */
export async function nodeIdentity(running: RunningService): Promise<TlsIdentity> {
  const key = labKey();
  const { certificate } = joinResponseSchema.parse((await joinOverWire(running.node(), running.tpm, { key })).json);
  const [leaf] = parsePemOf('CERTIFICATE', certificate.chainPem);
  if (leaf === undefined) throw new Error('a leaf');
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { certificate: parseCertificate(leaf), certificatePem: certificate.chainPem, keyPem };
}
