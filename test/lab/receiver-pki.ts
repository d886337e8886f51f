import { systemClock } from '#core/clock.ts';

import { labNodeCa } from './node-ca.ts';
import { certificatePem, labAdministrator, labServerIdentity, type TlsIdentity } from './service-pki.ts';

/** What receivers of the audit log and their senders show each other. */
export interface ReceiverPki {
  /** PEM of the CA that both certificates chain to. */
  readonly ca: string;
  /** For loopback and `localhost`. */
  readonly identity: TlsIdentity;
  readonly client: TlsIdentity;
  /** PEM of a CA that issued neither. */
  readonly otherCa: string;
}

export async function labReceiverPki(): Promise<ReceiverPki> {
  const { management, root } = await labNodeCa({ now: systemClock() });
  return {
    ca: certificatePem(management.certificate),
    identity: await labServerIdentity(management),
    client: await labAdministrator(management),
    otherCa: certificatePem(root.certificate),
  };
}
