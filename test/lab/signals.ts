import type { RunningService } from './running-service.ts';

/** One page of the metrics listener on loopback. */
export interface SignalPage {
  readonly status: number;
  readonly text: string;
  readonly type: string | null;
}

/** Reads a page of a service whose metrics are on loopback. */
export async function readPage({ service }: Pick<RunningService, 'service'>, path: string): Promise<SignalPage> {
  const { metrics } = service;
  if (metrics === undefined) throw new Error('no metrics are served');
  const response = await fetch(`http://${metrics.host}:${metrics.port}${path}`);
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') };
}

/** The samples of a page in the text format, by name and labels as they are written. */
export function samplesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

/** The samples of a service whose metrics are on loopback. */
export const readSamples = async (running: Pick<RunningService, 'service'>): Promise<ReadonlyMap<string, number>> =>
  samplesOf((await readPage(running, '/metrics')).text);
