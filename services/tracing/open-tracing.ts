import type { Tracing } from './tracing.ts';
import type { TracingOptions } from './tracing-options.ts';

/** Begins to trace. The libraries are loaded here, and nowhere else: a service without tracing does not have them in its process. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { startTracing } = await import('./otel/start-tracing.ts');
  return startTracing(options);
}
