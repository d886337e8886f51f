import type { CheckProof } from './check-proof.ts';

const TRACING_TEST = 'test/services/tracing/tracing.test.ts';
const TRACEPARENT_TEST = 'test/services/tracing/traceparent.test.ts';
const JOINS_TEST = 'test/services/compose/trace-joins.test.ts';
const MATERIAL_TEST = 'test/services/collector-material.test.ts';

/** What a caller may say of traces, what a trace may say of a join, and what a collector may cost. */
export const TRACING_PROOFS: readonly CheckProof[] = [
  {
    removes: 'that a traceparent has a length',
    file: 'services/tracing/traceparent.ts',
    check: '  if (header?.length !== LENGTH) return undefined;',
    without: '  if (header === undefined) return undefined;',
    test: TRACEPARENT_TEST,
  },
  {
    removes: 'that a trace of zeros is none',
    file: 'services/tracing/traceparent.ts',
    check: '(?!0{32})',
    without: '',
    test: TRACEPARENT_TEST,
  },
  {
    removes: 'that a caller is nobody’s child before it is trusted',
    file: 'services/tracing/otel/start-tracing.ts',
    check: '    requestOf.set(span, spans);\n',
    without: '    requestOf.set(span, spans);\n    if (remote !== undefined) spans.moveBelow(remote);\n',
    test: TRACING_TEST,
  },
  {
    removes: 'that only an affirmed node’s trace is gone on with',
    file: 'services/compose/trace-joins.ts',
    check: "if (result.status === 'affirming') trustCaller();",
    without: 'trustCaller();',
    test: JOINS_TEST,
  },
  {
    removes: 'that a fault leaves its class and not its message in a trace',
    file: 'services/tracing/otel/start-tracing.ts',
    check: 'error.name.slice(0, ERROR_NAME_MAX)',
    without: 'error.message',
    test: TRACING_TEST,
  },
  {
    removes: 'the bound on spans that wait for a collector',
    file: 'services/tracing/otel/span-queue.ts',
    check: 'if (this.#waiting >= this.#capacity) {',
    without: 'if (this.#capacity < 0) {',
    test: TRACING_TEST,
  },
  {
    removes: 'the bound on what the service waits for a collector when it stops',
    file: 'services/tracing/otel/start-tracing.ts',
    check: 'await Promise.race([queue.end().catch(() => undefined), over]);',
    without: 'await queue.end().catch(() => undefined);',
    test: TRACING_TEST,
  },
  {
    removes: 'that a collector on another host is spoken to by TLS',
    file: 'services/config/tracing-config.ts',
    check: "if (protocol === 'http:' && !LOOPBACK.test(hostname))",
    without: 'if (false)',
    test: MATERIAL_TEST,
  },
  {
    removes: 'that a collector over TLS is known by a CA',
    file: 'services/config/tracing-config.ts',
    check: "if (protocol === 'https:' && ca === undefined)",
    without: 'if (false)',
    test: MATERIAL_TEST,
  },
  {
    removes: 'that a renewed certificate leaves the callers’ certificates asked for',
    file: 'services/http/server.ts',
    check: '  return { ...TLS, cert: certificate, key, ...(ca === undefined ? {} : { ca }) };',
    without: '  return { cert: certificate, key };',
    test: 'test/services/compose/reload-identities.test.ts',
  },
  {
    removes: 'that a server’s key is one',
    file: 'services/material.ts',
    check: '    createPrivateKey(key);\n',
    without: '',
    test: 'test/services/compose/reload-identities.test.ts',
  },
];
