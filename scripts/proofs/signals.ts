import type { CheckProof } from './check-proof.ts';

const BUDGET_TEST = 'test/services/http/body-budget.test.ts';

/** Bounds on what is held at the same time, and the signals that the service gives of itself. */
export const SIGNALS_PROOFS: readonly CheckProof[] = [
  {
    removes: 'that metrics without a certificate are for this host alone',
    file: 'services/config/metrics-config.ts',
    check: '.refine((host) => LOOPBACK.test(host), ',
    without: '.refine(() => true, ',
    test: 'test/services/config/metrics-config.test.ts',
  },
  {
    removes: 'the permission to read metrics',
    file: 'services/compose/keep-signals.ts',
    check: "if (caller !== undefined && gate.permits(caller, 'metrics:read')) return true;",
    without: 'if (caller !== undefined) return true;',
    test: 'test/services/compose/keep-signals.test.ts',
  },
  {
    removes: 'that whoever left the list of administrators reads no metrics',
    file: 'services/compose/keep-signals.ts',
    check: "if (caller !== undefined && gate.permits(caller, 'metrics:read')) return true;",
    without: "if (caller === undefined || gate.permits(caller, 'metrics:read')) return true;",
    test: 'test/services/compose/keep-signals.test.ts',
  },
  {
    removes: 'that readiness fails while the service is being stopped',
    file: 'services/metrics/health.ts',
    check: "if (stage() === 'draining') ailments",
    without: 'if (false) ailments',
    test: 'test/services/compose/keep-signals.test.ts',
  },
  {
    removes: 'that probes are told no reason',
    file: 'services/metrics/probe-pages.ts',
    check: "text: 'not ready\\n'",
    without: 'text: String(whyNotReady()[0]?.reason)',
    test: 'test/services/compose/keep-signals.test.ts',
  },
  {
    removes: 'the share of a network in the bodies that are held',
    file: 'services/http/body-budget.ts',
    check: 'if (held * FREE_TO_HELD > free) throw this.#overloaded();',
    without: 'if (free < 0) throw this.#overloaded();',
    test: BUDGET_TEST,
  },
  {
    removes: 'the bound on bodies from one address',
    file: 'services/http/body-budget.ts',
    check: 'if (held * FREE_TO_HELD > free) throw this.#overloaded();',
    without: '',
    test: 'test/attacks/T59-flood.test.ts',
  },
  {
    removes: 'that an announced body counts before it is there',
    file: 'services/http/body.ts',
    check: 'take(Number(announced));',
    without: '',
    test: BUDGET_TEST,
  },
  {
    removes: 'that a body of unknown length counts',
    file: 'services/http/body.ts',
    check: 'take(chunk.byteLength);',
    without: '',
    test: BUDGET_TEST,
  },
  {
    removes: 'that what was held is given back',
    file: 'services/http/body-budget.ts',
    check: 'this.#put(network, (this.#held.get(network) ?? 0) - taken, -taken);',
    without: '',
    test: BUDGET_TEST,
  },
  {
    removes: 'that `muster status` believes the configured certificate alone',
    file: 'services/commands/status/health-pages.ts',
    check: 'if (tls !== undefined) assertShows(answer, tls.shows);',
    without: '',
    test: 'test/services/commands/status.test.ts',
  },
];
