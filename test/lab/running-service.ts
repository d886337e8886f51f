import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';

import { type Policy, retireReferenceValues } from '#attestation/evidence-policy.ts';
import { type Clock, systemClock } from '#core/clock.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import type { ManagedSigner, Signer } from '#pki/signer.ts';
import { managedSigner } from '#pki/signer-file.ts';
import { type Service, startService } from '#services/compose/service.ts';
import type { Log } from '#services/http/request-log.ts';
import type { Material } from '#services/material.ts';
import type { Store } from '#services/store/store.ts';
import { type MemoryStore, memoryStore } from '#test/fakes/memory-store.ts';
import { silentLog } from '#test/fakes/silent-log.ts';

import { type LabClient, labClient } from './https-client.ts';
import { labJoinPolicy, fixedKeys, TICKET_KEY } from './join-lab.ts';
import { labConfig } from './lab-config.ts';
import { labNodeCa, type NodeCa } from './node-ca.ts';
import { certificatePem, labAdministrator, labServerIdentity, type TlsIdentity } from './service-pki.ts';
import { labTpm, type LabTpm } from './software-tpm.ts';

/** The whole service over TLS on loopback, with everything but its files. */
export interface RunningService<S extends Store = MemoryStore> extends AsyncDisposable {
  readonly service: Service;
  readonly store: S;
  readonly ca: NodeCa;
  readonly tpm: LabTpm;
  readonly policy: Policy;
  /** PEM of the CA that issued the service's TLS certificates. */
  readonly caPem: string;
  /** A new client of the node listener; without an identity it shows no certificate. */
  readonly node: (maxSockets?: number, identity?: TlsIdentity) => LabClient;
  /** A new client of the admin listener; without an identity it shows no certificate. */
  readonly admin: (identity?: TlsIdentity) => LabClient;
  /** A new client of the metrics listener, where that asks for a certificate. */
  readonly metrics: (identity?: TlsIdentity) => LabClient;
  /** Makes an administrator and puts them on the list. */
  readonly administrator: (role?: string, name?: string) => Promise<TlsIdentity>;
  /** Replaces the list of administrators. */
  readonly list: (...listed: readonly TlsIdentity[]) => void;
  /** Writes any text where the list of administrators is. */
  readonly writeList: (text: string) => void;
}

export interface RunningOptions<S extends Store> {
  readonly store: S;
  readonly now?: Clock;
  readonly host?: string;
  readonly policy?: Policy;
  readonly tpm?: LabTpm;
  readonly signer?: (signer: Signer) => Signer;
  /** The issuing CA's key, where it is elsewhere. It is the service's from here on. */
  readonly issuingSigner?: ManagedSigner;
  readonly log?: Log;
  /** What the collector of traces is known by, where `configure` has one. */
  readonly collector?: Material['collector'];
  /** Members of the configuration file that are not the laboratory's. */
  readonly configure?: object;
}

export const runService = (options: Partial<RunningOptions<MemoryStore>> = {}): Promise<RunningService> =>
  runServiceOver({ store: memoryStore(), ...options });

export async function runServiceOver<S extends Store>(options: RunningOptions<S>): Promise<RunningService<S>> {
  const { store, now = systemClock, host = '127.0.0.1', tpm = labTpm(), log = silentLog } = options;
  const policy = options.policy ?? labJoinPolicy(tpm);
  let inForce = policy;
  const { issuingSigner } = options;
  const ca = await labNodeCa({ now: systemClock(), issuingSigner });
  const identity = await labServerIdentity(ca.management);
  const directory = mkdtempSync(joinPath(tmpdir(), 'muster-'));
  const listFile = joinPath(directory, 'administrators.yaml');
  const listed: TlsIdentity[] = [];
  const list = (...administrators: readonly TlsIdentity[]): void => {
    listed.splice(0, listed.length, ...administrators);
    writeFileSync(listFile, renderList(listed));
  };
  list();
  const config = labConfig(host, listFile, options.configure);
  const caPem = certificatePem(ca.management.certificate);
  const material: Material = {
    node: { certificate: identity.certificatePem, key: identity.keyPem },
    admin: { certificate: identity.certificatePem, key: identity.keyPem },
    metrics: { certificate: identity.certificatePem, key: identity.keyPem },
    clientCa: caPem,
    issuerChain: [ca.issuing.certificate.der, ca.root.certificate.der],
    signer: issuingSigner ?? managedSigner(options.signer?.(ca.issuing.signer) ?? ca.issuing.signer),
    ticketKeys: { ...fixedKeys(TICKET_KEY), reload: () => Promise.resolve(1) },
    policySource: {
      status: () => ({ policy: inForce, loadedAt: now(), lastError: undefined }),
      reload: () => Promise.resolve(true),
      retire: (names) => {
        inForce = retireReferenceValues(inForce, new Set(names));
      },
    },
    kubernetesCa: caPem,
    collector: options.collector,
  };
  const service = await startService({ config, material, store, log, now, random: systemRandom, version: 'lab' });
  const clients: LabClient[] = [];
  const client = (at: { host: string; port: number }, who?: TlsIdentity, maxSockets?: number): LabClient => {
    const made = labClient({ ...at, ca: caPem, identity: who, ...(maxSockets === undefined ? {} : { maxSockets }) });
    clients.push(made);
    return made;
  };
  return {
    service,
    store,
    ca,
    tpm,
    policy,
    caPem,
    node: (maxSockets, who) => client(service.node, who, maxSockets),
    admin: (who) => client(service.admin, who),
    metrics: (who) => client(service.metrics ?? { host: 'none', port: 0 }, who),
    administrator: async (role, name) => {
      const made = await labAdministrator(ca.management, {
        ...(role === undefined ? {} : { role }),
        ...(name === undefined ? {} : { name }),
      });
      list(...listed, made);
      return made;
    },
    list,
    writeList: (text) => writeFileSync(listFile, text),
    [Symbol.asyncDispose]: async () => {
      for (const made of clients) made[Symbol.dispose]();
      await service[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function renderList(listed: readonly TlsIdentity[]): string {
  const administrators = listed.map(({ certificate }) => ({
    name: 'lab',
    fingerprint: certificateFingerprint(certificate.der),
  }));
  return JSON.stringify({ apiVersion: 'muster/v1', kind: 'Administrators', administrators });
}
