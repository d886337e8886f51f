import type { Attester } from '../attester.ts';
import type { JoinService } from '../client.ts';
import type { JoinTrace } from './join-trace.ts';

/** The same service; each request is a part of the join's trace. */
export const traceService = (service: JoinService, trace: JoinTrace): JoinService => ({
  requestChallenge: (request) => trace.during('POST /v1/challenges', 'client', () => service.requestChallenge(request)),
  submitJoin: (join) => trace.during('POST /v1/joins', 'client', () => service.submitJoin(join)),
  enrolKey: (request) => trace.during('POST /v1/keys', 'client', () => service.enrolKey(request)),
  [Symbol.dispose]: () => service[Symbol.dispose](),
});

/** Opens the same attester; that, and its evidence, are parts of the join's trace. */
export const traceAttester = (open: () => Promise<Attester>, trace: JoinTrace) => async (): Promise<Attester> => {
  const attester = await trace.during('open attester', 'internal', open);
  return {
    ekType: attester.ekType,
    description: attester.description,
    collectEvidence: (...challenge) =>
      trace.during('collect evidence', 'internal', () => attester.collectEvidence(...challenge)),
    [Symbol.asyncDispose]: () => attester[Symbol.asyncDispose](),
  };
};
