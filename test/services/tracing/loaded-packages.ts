// Starts the service, with tracing where the argument is an endpoint, and prints the packages that were loaded for it.
import { registerHooks } from 'node:module';

const packages = new Set<string>();
registerHooks({
  load: (url, context, next) => {
    const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
    if (name !== undefined) packages.add(name);
    return next(url, context);
  },
});

const { runService } = await import('#test/lab/running-service.ts');
const [, , endpoint] = process.argv;
const collector = { ca: undefined, headers: () => Promise.resolve({}) };
const running = await runService(
  endpoint === undefined ? {} : { collector, configure: { tracing: { endpoint, sampleRatio: 1 } } },
);
await running[Symbol.asyncDispose]();
process.stdout.write([...packages].join('\n'));
