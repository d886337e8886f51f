import { Gauge, type Registry } from 'prom-client';

import type { Clock } from '#core/clock.ts';
import type { Census } from '#services/store/census.ts';

import type { Probed } from './prober.ts';

/** A list as it is served. */
export interface CrlFacts {
  readonly issuerKeyId: string;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
}

/** Where the gauges read what is so now. */
export interface StateSources {
  readonly now: Clock;
  readonly version: string;
  /** Undefined: the store did not say. */
  readonly census: () => Promise<Census | undefined>;
  readonly crls: () => readonly CrlFacts[];
  readonly policy: () => { readonly loadedAt: Date; readonly lastError: object | undefined };
  readonly work: () => { readonly running: number; readonly waiting: number };
  readonly heldBodyBytes: () => number;
  readonly store: () => Probed;
  readonly signer: () => Probed;
  readonly ready: () => boolean;
  readonly leads: () => boolean;
  /** The issuing CA's certificate first. */
  readonly caCertificates: readonly { readonly name: 'issuing' | 'above'; readonly notAfter: Date }[];
}

const MINUTE_MS = 60_000;
/** Time left, by the name that the label has; what is beyond the last is `later`. */
export const EXPIRY_HORIZONS = [
  ['15m', 15 * MINUTE_MS],
  ['1h', 60 * MINUTE_MS],
  ['6h', 360 * MINUTE_MS],
  ['24h', 1_440 * MINUTE_MS],
] as const;
const BEYOND = 'later';

/** What is so when `registry` is asked. A gauge whose source does not know has no sample: an old one would be taken for a new one. */
export function stateMetrics(registry: Registry, sources: StateSources): void {
  censusGauges(registry, sources);
  crlGauges(registry, sources);
  const { now, policy, work } = sources;
  const gauge = gaugeOf(registry);
  gauge('muster_policy_newer_refused', '1: the policy’s files were refused, and the one before decides.', () =>
    flag(policy().lastError !== undefined),
  );
  gauge('muster_policy_loaded_timestamp_seconds', 'When the policy in force was read.', () =>
    seconds(policy().loadedAt.getTime()),
  );
  gauge('muster_work_running', 'Challenges and joins that are worked on.', () => work().running);
  gauge('muster_work_waiting', 'Challenges and joins that wait for a place.', () => work().waiting);
  gauge('muster_body_bytes_held', 'Bytes of request bodies that the node listener holds.', sources.heldBodyBytes);
  gauge('muster_ready', '1: callers may be sent here.', () => flag(sources.ready()));
  gauge('muster_leader', '1: this process does what one of the replicas does.', () => flag(sources.leads()));
  for (const [name, probed] of [
    ['store', sources.store],
    ['signer', sources.signer],
  ] as const) {
    gauge(`muster_${name}_up`, `1: the ${name} answered when it was last asked.`, () =>
      flag(probed().fault === undefined),
    );
    gauge(`muster_${name}_answer_seconds`, `How long the ${name} took to answer.`, () => probed().seconds);
  }
  labelled(registry, 'muster_ca_certificate_expires_seconds', 'Until the CA’s certificate expires.', ['ca'], () =>
    sources.caCertificates.map(({ name, notAfter }) => [{ ca: name }, seconds(notAfter.getTime() - now().getTime())]),
  );
  labelled(registry, 'muster_build_info', 'The program.', ['version'], () => [[{ version: sources.version }, 1]]);
}

function censusGauges(registry: Registry, { census }: StateSources): void {
  labelled(registry, 'muster_nodes', 'Nodes, retired ones not counted.', ['state', 'connectivity'], async () =>
    ((await census())?.nodes ?? []).map(({ state, connectivity, count }) => [{ state, connectivity }, count]),
  );
  labelled(
    registry,
    'muster_certificates',
    'Certificates that are good, by the time that is left.',
    ['expires_within'],
    async () =>
      ((await census())?.certificates ?? []).map((count, index) => [
        { expires_within: EXPIRY_HORIZONS[index]?.[0] ?? BEYOND },
        count,
      ]),
  );
  const gauge = gaugeOf(registry);
  gauge(
    'muster_candidates_waiting',
    'Machines that wait for an administrator.',
    async () => (await census())?.candidatesWaiting,
  );
  gauge('muster_audit_sequence', 'Number of the newest audit record.', async () => (await census())?.auditSequence);
}

function crlGauges(registry: Registry, { crls, now }: StateSources): void {
  const one = (name: string, help: string, read: (crl: CrlFacts) => number): void =>
    labelled(registry, name, help, ['issuer'], () => crls().map((crl) => [{ issuer: crl.issuerKeyId }, read(crl)]));
  one('muster_crl_number', 'Of the list that is served.', (crl) => crl.number);
  one('muster_crl_entries', 'Certificates on the list that is served.', (crl) => crl.entries);
  one('muster_crl_age_seconds', 'Since the list that is served was made.', (crl) =>
    seconds(now().getTime() - crl.thisUpdate.getTime()),
  );
  one('muster_crl_expires_seconds', 'Until relying parties refuse the list that is served.', (crl) =>
    seconds(crl.nextUpdate.getTime() - now().getTime()),
  );
}

type MaybeLater<T> = T | Promise<T>;
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** A gauge of samples that are read when it is asked for, and no other: what there is no more of is not told of. */
function labelled(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  read: () => MaybeLater<readonly Sample[]>,
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      const samples = await read();
      this.reset();
      for (const [labels, value] of samples) this.set({ ...labels }, value);
    },
  });
}

const gaugeOf =
  (registry: Registry) =>
  (name: string, help: string, read: () => MaybeLater<number | undefined>): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const value = await read();
        // Without labels a reset would leave a 0, which is a value like any other.
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  };

const flag = (value: boolean): number => (value ? 1 : 0);
const seconds = (ms: number): number => ms / 1_000;
