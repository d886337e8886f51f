import type { RequestListener } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import type { CallerOrigins } from '#services/http/caller-origin.ts';
import { openCrlBuilder } from '#services/revocation/crl-builder.ts';
import { crlPublisher } from '#services/revocation/crl-publisher.ts';
import { type OcspAnswer, ocspAnswers } from '#services/revocation/ocsp-answers.ts';
import { type CaBundle, publication } from '#services/revocation/publication.ts';
import { publishRegularly } from '#services/revocation/publish-regularly.ts';
import type { Leadership } from '#services/leader/keep-leadership.ts';
import type { CrlList } from '#services/store/crl-lists.ts';

import type { Authorities } from '#services/authorities.ts';
import type { ServiceParts } from './service-parts.ts';

/** The service's parts, who counts OCSP answers, and who says whether this process signs lists. */
type RevocationParts = ServiceParts & {
  readonly onOcspAnswer: (answer: OcspAnswer) => void;
  readonly leadership: Pick<Leadership, 'term'>;
};

/** Revocation lists that are kept up to date until it is disposed of, and a way to serve them. */
export interface KeptRevocations extends AsyncDisposable {
  /** The lists that are served now. */
  readonly crls: () => readonly CrlList[];
  /** Serves lists and OCSP answers, and passes everything else on. */
  readonly serve: (next: RequestListener, origins: Pick<CallerOrigins, 'of'>) => RequestListener;
}

/** Starts to keep each issuing CA's list. The first are there within a second or two; until then their readers are told to come again. */
export function keepRevocations(
  { store, log, now, random, onOcspAnswer, leadership }: RevocationParts,
  { signing: authorities }: Pick<Authorities, 'signing'>,
  caBundle: CaBundle,
): KeptRevocations {
  const publishers = authorities.map((one) =>
    crlPublisher({
      authority: one,
      store,
      now,
      term: () => leadership.term()?.number,
      openBuilder: () => openCrlBuilder(one.certificate.der),
    }),
  );
  const answerOcsp = ocspAnswers({
    authorities,
    store,
    now,
    onAnswer: onOcspAnswer,
    onFault: (error) => {
      log.error({ err: error }, 'OCSP answer failed');
    },
  });
  const publishing = publishRegularly({
    publishers,
    log,
    // The wait ends when the signal aborts; that is no fault.
    pause: (ms, signal) => pause(ms, undefined, { signal }).catch(() => undefined),
  });
  return {
    serve: (next, origins) =>
      publication({ publishers, answerOcsp, caBundle, originOf: origins.of, log, random }, next),
    crls: () => publishers.flatMap((publisher) => publisher.current() ?? []),
    [Symbol.asyncDispose]: () => publishing[Symbol.asyncDispose](),
  };
}
