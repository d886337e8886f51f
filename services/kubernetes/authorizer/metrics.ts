/** One sample's labels. */
export type Labels = Readonly<Record<string, string>>;

/** A metric that can be written down. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: () => Iterable<readonly [suffix: string, labels: Labels, value: number]>;
}

/** The Prometheus text format, version 0.0.4. */
export function renderMetrics(metrics: readonly Metric[]): string {
  let text = '';
  for (const metric of metrics) {
    const { name, help, type } = metric;
    text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
    for (const [suffix, labels, value] of metric.samples())
      text += `${name}${suffix}${renderLabels(labels)} ${value}\n`;
  }
  return text;
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escapeLabel = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/** A value read when it is asked for; undefined: there is none now, and no sample. */
export const gauge = (name: string, help: string, read: () => number | undefined): Metric => ({
  name,
  help,
  type: 'gauge',
  samples: () => {
    const value = read();
    return value === undefined ? [] : [['', {}, value]];
  },
});

/** Counts by one label, from 0 for each of the values it may have: an alert on a rise needs the value before. */
export class Counter<Value extends string> implements Metric {
  readonly type = 'counter';
  readonly name: string;
  readonly help: string;
  readonly #label: string;
  readonly #counts: Map<Value, number>;

  constructor(name: string, help: string, label: string, values: readonly Value[]) {
    this.name = name;
    this.help = help;
    this.#label = label;
    this.#counts = new Map(values.map((value) => [value, 0]));
  }

  add(value: Value): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
  }

  get(value: Value): number {
    return this.#counts.get(value) ?? 0;
  }

  *samples(): Generator<readonly [string, Labels, number]> {
    for (const [value, count] of this.#counts) yield ['', { [this.#label]: value }, count];
  }
}

/** How long something took, in seconds. */
export class Histogram implements Metric {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(seconds: number): void {
    const found = this.#bounds.findIndex((bound) => seconds <= bound);
    const index = found === -1 ? this.#bounds.length : found;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += seconds;
  }

  *samples(): Generator<readonly [string, Labels, number]> {
    let total = 0;
    for (const [index, count] of this.#counts.entries()) {
      total += count;
      yield ['_bucket', { le: String(this.#bounds[index] ?? '+Inf') }, total];
    }
    yield ['_sum', {}, this.#sum];
    yield ['_count', {}, total];
  }
}
