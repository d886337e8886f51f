import { monitorEventLoopDelay } from 'node:perf_hooks';

import { Gauge, type Registry } from 'prom-client';

/** How finely the event loop is looked at. Of each delay this much is the look itself. */
const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;

/** The process itself: its memory and processor under the names that such metrics have everywhere, and how long its event loop stood still. */
export function processMetrics(registry: Registry, options: { readonly startedAt: Date }): Disposable {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  new Gauge({
    name: 'muster_event_loop_delay_seconds',
    help: 'How late the event loop was since the last time that this was asked for.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      const beyond = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1_000);
      for (const quantile of [0.5, 0.99]) {
        this.set({ quantile: String(quantile) }, delays.count === 0 ? 0 : beyond(delays.percentile(quantile * 100)));
      }
      this.set({ quantile: '1' }, delays.count === 0 ? 0 : beyond(delays.max));
      delays.reset();
    },
  });
  gauge('process_cpu_seconds_total', 'Processor time, of all threads.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  gauge('process_start_time_seconds', 'When the service was started.', () => options.startedAt.getTime() / 1_000);
  return {
    [Symbol.dispose]: () => {
      delays.disable();
    },
  };
}
