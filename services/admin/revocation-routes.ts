import { z } from 'zod';

import {
  type CertificateDetail,
  certificateDetailSchema,
  certificateId,
  certificatePageSchema,
  certificateQuerySchema,
  nodeChangeRequestSchema,
  type NodeChangeResponse,
  nodeChangeResponseSchema,
  revocationRequestSchema,
} from '#protocol/revocation.ts';
import type { Origin } from '#services/http/origin.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';
import type { RevocationRecord } from '#services/store/revocations.ts';
import type { CertificateRecord, Store } from '#services/store/store.ts';

import { type Asker, type ChangeNodesDeps, changeNodes } from './change-nodes.ts';
import { findCertificateBy, revokeCertificate, type RevokeCertificateDeps } from './revoke-certificate.ts';

export interface RevocationRoutesDeps extends Omit<ChangeNodesDeps, 'store'> {
  readonly store: ChangeNodesDeps['store'] &
    RevokeCertificateDeps['store'] &
    Pick<Store, 'findRevocation' | 'pageCertificates'>;
}

/** Enough for 10,000 names of 52 characters. */
const CHANGE_BODY_BYTES = 1_048_576;
const REVOCATION_BODY_BYTES = 4_096;

/** The end of nodes' standing and of certificates. */
export function revocationRoutes(deps: RevocationRoutesDeps): readonly Route<Principal>[] {
  return [postNodeChange(deps), postRevocation(deps), listCertificates(deps), showCertificate(deps)];
}

function postNodeChange(deps: RevocationRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/node-changes',
    operationId: 'changeNodes',
    summary: 'Quarantine, release, bar, unbar or retire nodes, all of them or none',
    permission: 'nodes:change',
    params: nothing,
    query: nothing,
    body: { schema: nodeChangeRequestSchema, limitBytes: CHANGE_BODY_BYTES },
    answers: { 200: { description: 'What was done; of a dry run, what would be', schema: nodeChangeResponseSchema } },
    problems: [
      'not-found',
      'state-conflict',
      'precondition-failed',
      'revocation-reason-refused',
      'step-up-required',
      'rate-limited',
    ],
    handle: async ({ body, ...request }) => {
      const outcome = await changeNodes(deps, body, askerOf(request));
      if (!outcome.ok) return outcome;
      const { nodes, changed } = outcome;
      const answer: NodeChangeResponse = {
        dryRun: body.dryRun,
        change: body.change,
        nodes: nodes.map(({ name, pool, state }, index) => {
          const { from = state, to, serials } = changed?.[index] ?? {};
          return {
            name,
            pool,
            from,
            ...(to === undefined ? {} : { to }),
            ...(serials === undefined ? {} : { certificates: [...serials] }),
          };
        }),
      };
      return { status: 200, body: answer };
    },
  });
}

function postRevocation(deps: RevocationRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/revocations',
    operationId: 'revokeCertificate',
    summary: 'Revoke one certificate, for good',
    permission: 'certificates:revoke',
    params: nothing,
    query: nothing,
    body: { schema: revocationRequestSchema, limitBytes: REVOCATION_BODY_BYTES },
    answers: { 201: { description: 'It is revoked', schema: certificateDetailSchema } },
    problems: ['not-found', 'state-conflict', 'revocation-reason-refused', 'step-up-required', 'rate-limited'],
    handle: async ({ body, ...request }) => {
      const outcome = await revokeCertificate(deps, body, askerOf(request));
      return outcome.ok ? { status: 201, body: await detailOf(deps, outcome.certificate) } : outcome;
    },
  });
}

function listCertificates(deps: RevocationRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/certificates',
    operationId: 'listAllCertificates',
    summary: 'Certificates in order of serial number',
    permission: 'nodes:read',
    params: nothing,
    query: certificateQuerySchema,
    body: noBody,
    answers: { 200: { description: 'One page', schema: certificatePageSchema } },
    problems: [],
    handle: async ({ query: { node: nodeName, state, after, limit } }) => {
      // One more than asked for tells whether there is a next page.
      const found = await deps.store.pageCertificates({ nodeName, state }, { after, limit: limit + 1 });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const certificates = await Promise.all(page.map((certificate) => detailOf(deps, certificate)));
      const next = found.length > limit && last !== undefined ? { next: last.serial } : {};
      return { status: 200, body: { certificates, ...next } };
    },
  });
}

function showCertificate(deps: RevocationRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/certificates/{id}',
    operationId: 'showCertificate',
    summary: 'One certificate, by serial number or fingerprint',
    permission: 'nodes:read',
    params: z.strictObject({ id: certificateId }),
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'The certificate', schema: certificateDetailSchema } },
    problems: ['not-found'],
    handle: async ({ params: { id } }) => {
      const certificate = await findCertificateBy(deps.store, id);
      if (certificate === undefined) return { problem: 'not-found' };
      return { status: 200, body: await detailOf(deps, certificate) };
    },
  });
}

const askerOf = (request: Pick<Asker, 'requestId'> & { caller: Principal; origin: Origin | undefined }): Asker => ({
  name: request.caller.name,
  requestId: request.requestId,
  address: request.origin ?? 'unrecognised',
});

async function detailOf({ store }: RevocationRoutesDeps, certificate: CertificateRecord): Promise<CertificateDetail> {
  return renderCertificate(certificate, await store.findRevocation(certificate.serial));
}

function renderCertificate(certificate: CertificateRecord, listed: RevocationRecord | undefined): CertificateDetail {
  const { serial, state, fingerprint, notBefore, notAfter, requestId, nodeName, nodeId, spkiFingerprint } = certificate;
  return {
    serial,
    state,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    requestId,
    nodeName,
    nodeId,
    spkiFingerprint,
    ...(listed === undefined
      ? {}
      : { revocation: { reason: listed.reason, revokedAt: listed.revokedAt.toISOString() } }),
  };
}
