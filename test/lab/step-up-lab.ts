import type { AuditRecord } from '#core/audit-record.ts';
import { systemClock } from '#core/clock.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { problemDocument } from '#protocol/problem.ts';
import type { StepUpDemand } from '#protocol/step-up.ts';
import { type MemoryStore, memoryStore } from '#test/fakes/memory-store.ts';

import type { LabClient, LabResponse } from './https-client.ts';
import { runService, type RunningService } from './running-service.ts';
import { type AssertionSpoiling, labSecurityKey, type LabSecurityKey, labStepUpHeader } from './security-key.ts';
import type { TlsIdentity } from './service-pki.ts';

/** An administrator with a certificate, and maybe a security key. */
export interface LabPerson {
  readonly name: string;
  readonly fingerprint: string;
  readonly key: LabSecurityKey;
  readonly identity: TlsIdentity;
  readonly client: LabClient;
}

export interface LabAct {
  readonly path: string;
  readonly body?: object | undefined;
}

export interface StepUpLab extends AsyncDisposable {
  readonly running: RunningService;
  readonly store: MemoryStore;
  /** Moves the service's clock on. */
  readonly wait: (seconds: number) => void;
  /** Makes an administrator and puts them on the list, with a key unless told not to. */
  readonly person: (options?: { readonly registered?: boolean; readonly key?: LabSecurityKey }) => Promise<LabPerson>;
  /** Takes a person, or only their key, off the list. */
  readonly strike: (person: LabPerson, what: 'person' | 'key') => void;
  readonly send: (person: LabPerson, act: LabAct, header?: string) => Promise<LabResponse>;
  /** Asks for an act without a second factor, and resolves to what the service wants signed. */
  readonly demand: (person: LabPerson, act: LabAct) => Promise<StepUpDemand>;
  /** Asks, signs, and resolves to the header. */
  readonly signed: (person: LabPerson, act: LabAct, spoiling?: AssertionSpoiling) => Promise<string>;
  readonly auditOf: (type: string) => Promise<readonly AuditRecord[]>;
}

/** The whole service, and administrators with security keys in software. */
export async function stepUpLab(stepUp: object = {}): Promise<StepUpLab> {
  let aheadMs = 0;
  const store = memoryStore();
  const now = (): Date => new Date(systemClock().getTime() + aheadMs);
  const running = await runService({ store, now, configure: { stepUp } });
  const listed = new Map<string, { name: string; fingerprint: string; securityKeys: object[] }>();
  const write = (): void => {
    running.writeList(
      JSON.stringify({ apiVersion: 'muster/v1', kind: 'Administrators', administrators: [...listed.values()] }),
    );
  };
  const send: StepUpLab['send'] = ({ client }, { path, body }, header) =>
    client.send({
      method: 'POST',
      path,
      body,
      ...(header === undefined ? {} : { headers: { 'muster-step-up': header } }),
    });
  const demand: StepUpLab['demand'] = async (person, act) => {
    const { json } = await send(person, act);
    const { stepUp: asked } = problemDocument.parse(json);
    if (asked === undefined) throw new Error('the service asks for no second factor');
    return asked;
  };
  return {
    running,
    store,
    wait: (seconds) => {
      aheadMs += seconds * 1_000;
    },
    person: async ({ registered = true, key = labSecurityKey() } = {}) => {
      const name = `admin-${listed.size + 1}`;
      const identity = await running.administrator('cluster-administrator', name);
      const fingerprint = certificateFingerprint(identity.certificate.der);
      const registration = { name: 'lab key', credentialId: key.credentialId, publicKey: key.publicKey };
      listed.set(fingerprint, { name, fingerprint, securityKeys: registered ? [registration] : [] });
      write();
      return { name, fingerprint, key, identity, client: running.admin(identity) };
    },
    strike: ({ fingerprint }, what) => {
      const entry = listed.get(fingerprint);
      if (entry === undefined) throw new Error('nobody of that certificate');
      if (what === 'person') listed.delete(fingerprint);
      else listed.set(fingerprint, { ...entry, securityKeys: [] });
      write();
    },
    send,
    demand,
    signed: async (person, act, spoiling) => {
      const asked = await demand(person, act);
      return labStepUpHeader(person.key, asked, { ...act, administrator: person.fingerprint }, spoiling);
    },
    auditOf: (type) => store.readAuditOfType(type, { limit: 1_000 }),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
