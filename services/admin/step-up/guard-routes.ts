import type { Clock } from '#core/clock.ts';
import { STEP_UP_HEADER, stepUpBodyDigest } from '#protocol/step-up.ts';
import { malformed } from '#services/http/body.ts';
import type { Principal } from '#services/http/principal.ts';
import type { Route, UncheckedRequest } from '#services/http/route.ts';

import { actsOf } from './acts.ts';
import type { RequestedAct } from './demand.ts';
import type { StepUp } from './step-up.ts';

/** The routes, each asking `stepUp` when its request has been checked and before anything is done. */
export function guardRoutes(
  routes: readonly Route<Principal>[],
  { stepUp, now }: { readonly stepUp: StepUp; readonly now: Clock },
): readonly Route<Principal>[] {
  return routes.map((route) => ({
    ...route,
    run: (request) => {
      // The body as it was sent: the schemas fill in what is not said, and the caller signs what it says.
      let sent: unknown;
      return route.run({
        ...request,
        readBody: async (limitBytes) => (sent = await request.readBody(limitBytes)),
        beforeHandling: async ({ body }) => {
          const acts = actsOf({ operationId: route.operationId, body });
          if (acts.length === 0) return undefined;
          const { caller, requestId, origin } = request;
          return stepUp({
            caller,
            acts,
            origin,
            occasion: { at: now(), requestId, address: origin ?? 'unrecognised' },
            requested: requestedAct(route, request, sent),
            header: request.header(STEP_UP_HEADER),
          });
        },
      });
    },
  }));
}

function requestedAct(
  { method, path }: Route<Principal>,
  { caller, params }: UncheckedRequest<Principal>,
  sent: unknown,
): RequestedAct {
  return {
    method,
    path: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(params[name])),
    bodyDigest: digestOf(sent),
    administrator: caller.fingerprint,
  };
}

function digestOf(sent: unknown): string {
  try {
    return stepUpBodyDigest(sent);
  } catch (error) {
    // A number that has no one spelling: nothing that the schemas take is one.
    if (error instanceof RangeError) throw malformed([{ pointer: '', detail: 'a number is not a safe integer' }]);
    throw error;
  }
}
