import type { CheckProof } from './check-proof.ts';

const HELD = 'agent/held-credential.ts';
const HELD_TEST = 'test/agent/held-credential.test.ts';
const EXEC = 'agent/exec-credential.ts';
const EXEC_TEST = 'test/agent/exec-credential.test.ts';
const KEEP = 'agent/service/keep-joined.ts';
const KEEP_TEST = 'test/agent/service/keep-joined.test.ts';
const RENEWAL = 'agent/service/renewal-time.ts';
const RENEWAL_TEST = 'test/agent/service/renewal-time.test.ts';
const BEAT = 'agent/service/keep-beating.ts';
const BEAT_TEST = 'test/agent/service/keep-beating.test.ts';

/** What the agent checks of the credential it holds, of who asks it for one, and of what a service may make it do. */
export const AGENT_PROOFS: readonly CheckProof[] = [
  {
    removes: 'who may read the credential',
    file: HELD,
    check: 'if ((mode & 0o077) !== 0)',
    without: 'if (false)',
    test: HELD_TEST,
  },
  {
    removes: 'that key and certificate belong together',
    file: HELD,
    check: 'if (!equalBytes(leaf.publicKey.raw, spki))',
    without: 'if (false)',
    test: HELD_TEST,
  },
  {
    removes: 'whose certificate it is',
    file: HELD,
    check: 'if (!isNodeSubject(leaf, nodeName))',
    without: 'if (false)',
    test: HELD_TEST,
  },
  {
    removes: 'that there is nothing else in the file',
    file: HELD,
    check: 'if (certificates.length + 1 !== blocks.length) return undefined;',
    without: '',
    test: HELD_TEST,
  },
  {
    removes: 'the end of a certificate',
    file: HELD,
    check: ' && at < notAfter.getTime() - marginMs',
    without: '',
    test: HELD_TEST,
  },
  {
    removes: 'that a client started the plugin',
    file: EXEC,
    check: '  checkExecInfo(host.environment.execInfo);\n',
    without: '',
    test: EXEC_TEST,
  },
  {
    removes: 'the version that the client speaks',
    file: EXEC,
    check: 'apiVersion: z.literal(EXEC_API_VERSION)',
    without: 'apiVersion: z.string()',
    test: EXEC_TEST,
  },
  {
    removes: 'the lock that joins are made under',
    file: 'agent/join-lock.ts',
    check: 'if (isBusy(error)) return undefined;',
    without: 'if (isBusy(error)) return { [Symbol.dispose]: () => undefined };',
    test: 'test/agent/join-lock.test.ts',
  },
  {
    removes: 'the earliest renewal',
    file: RENEWAL,
    check: 'Math.max(wanted, earliest)',
    without: 'wanted',
    test: RENEWAL_TEST,
  },
  {
    removes: 'the latest renewal',
    file: RENEWAL,
    check: 'Math.min(Math.max(wanted, earliest), latest)',
    without: 'Math.max(wanted, earliest)',
    test: RENEWAL_TEST,
  },
  {
    removes: 'the rest between two joins',
    file: KEEP,
    check: 'leastMs = REST_MS;',
    without: '',
    test: KEEP_TEST,
  },
  {
    removes: 'the look at the clock that a machine which slept needs',
    file: 'agent/service/pause.ts',
    check: 'Math.min(endElapsed - deps.elapsedMs(), endWall - deps.now().getTime())',
    without: 'endElapsed - deps.elapsedMs()',
    test: KEEP_TEST,
  },
  {
    removes: 'one join for each certificate at a service that asks for them all the time',
    file: BEAT,
    check: ' || last?.fingerprint === fingerprint',
    without: '',
    test: BEAT_TEST,
  },
  {
    removes: 'one join a minute at a service that asks for them all the time',
    file: BEAT,
    check: 'elapsedMs() - last.at < RENEW_AT_MOST_EVERY_MS',
    without: 'false',
    test: BEAT_TEST,
  },
  {
    removes: 'the random part of a wait that the service asks for',
    file: 'agent/retry.ts',
    check: 'return askedMs + Math.floor(fraction(random(4)) * Math.max(ceilingMs, askedMs / 2));',
    without: 'return askedMs + Math.floor(fraction(random(4)) * 0);',
    test: 'test/agent/retry.test.ts',
  },
  {
    removes: 'the sign of life’s condition',
    file: 'agent/service/keep-pinging.ts',
    check: 'const stuck = liveness.stuckTask();',
    without: 'const stuck: string | undefined = undefined;',
    test: 'test/agent/service/notifier.test.ts',
  },
];
