import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { parse } from 'yaml';
import { z } from 'zod';

import { authAnswerSchema, transitKeyAnswerSchema, transitKeyVersionSchema } from '#pki/vault/answers.ts';
import { VaultConnection } from '#pki/vault/connection.ts';
import { loginRequest } from '#pki/vault/login.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { keyIdOf } from '#services/authorities.ts';
import { LAYOUT } from '#services/commands/init-layout.ts';

import { writePublic } from './files.ts';
import { handOutService } from './hand-out.ts';
import { type OperatorFiles, operatorFiles } from './operator-files.ts';
import { muster } from './run-muster.ts';

const ADDRESS = 'https://openbao:8200';
const KEY = 'muster-ca';
const SIGNER = `signer:
  kind: vault
  address: ${ADDRESS}
  ca: infrastructure-ca.pem
  key: ${KEY}
  login: { method: approle, roleIdFile: secrets/role-id, secretIdFile: secrets/secret-id }
`;
const REQUEST_MS = 5_000;
const ATTEMPTS = 60;

const signerKind = z.object({ signer: z.object({ kind: z.string() }) });
const stateSchema = z.object({
  issuer: signerKind,
  nextIssuer: signerKind.optional(),
  retiredIssuers: z.array(z.unknown()).default([]),
});

/**
 * Replaces the issuing CA whose key `muster init` sealed in a file by one whose key is in OpenBao, as docs/operations/rotate-the-ca.md
 * says, and gives the replicas their files. Every step looks at what is done already.
 */
export async function moveIssuerToOpenBao(volumes: string): Promise<void> {
  const files = operatorFiles(volumes);
  const config = join(files.service, LAYOUT.config);
  const state = () => stateSchema.parse(parse(readFileSync(config, 'utf8')));
  if (state().issuer.signer.kind !== 'vault') {
    if (state().nextIssuer === undefined) await announce(files, config);
    // No agent has heard of the first CA, which never signed: none has to learn of the next.
    muster(['ca', 'activate', '--config', config, '--now']);
  }
  if (state().retiredIssuers.length > 0) muster(['ca', 'retire', firstIssuer(files), '--config', config, '--now']);
  handOutService(files, volumes);
}

async function announce(files: OperatorFiles, config: string): Promise<void> {
  const at = (path: string): string => join(files.service, path);
  writePublic(at('signer.yaml'), SIGNER);
  writePublic(at('signer.pub'), await publicKeyInOpenBao(files));
  const root = ['--root', at(LAYOUT.nodeRoot), '--root-key', at(LAYOUT.nodeRootKey)];
  const key = ['--signer', at('signer.yaml'), '--public-key', at('signer.pub')];
  muster(['ca', 'prepare', '--config', config, ...root, '--root-passphrase-file', at(LAYOUT.passphrase), ...key]);
}

/** Key id of the CA that `muster init` made. */
function firstIssuer({ service }: OperatorFiles): string {
  const [der] = parsePemOf('CERTIFICATE', readFileSync(join(service, LAYOUT.nodeChain), 'utf8'));
  if (der === undefined) throw new Error('muster init made no issuing CA');
  return keyIdOf(parseCertificate(der));
}

/** The public half of the key, as the service itself would look at it. OpenBao makes the key after its first start, so it is asked until it has it. */
async function publicKeyInOpenBao({ infrastructureCa, infrastructure }: OperatorFiles): Promise<string> {
  const place = { address: new URL(ADDRESS), ca: readFileSync(infrastructureCa, 'utf8') };
  using connection = new VaultConnection({ ...place, namespace: undefined, identity: undefined });
  const ids = { roleIdFile: infrastructure('role-id'), secretIdFile: infrastructure('secret-id') };
  const login = await loginRequest({ method: 'approle', mount: 'approle', ...ids });
  for (let attempt = 1; ; attempt += 1) {
    const answer = await connection.ask({ method: 'POST', ...login, timeoutMs: REQUEST_MS }).catch(() => undefined);
    if (answer?.status === 200) {
      const { client_token: token } = authAnswerSchema.parse(answer.body).auth;
      const key = await connection.ask({ method: 'GET', path: `transit/keys/${KEY}`, token, timeoutMs: REQUEST_MS });
      return transitKeyVersionSchema.parse(transitKeyAnswerSchema.parse(key.body).data.keys['1']).public_key;
    }
    if (attempt === ATTEMPTS) throw new Error(`OpenBao does not take the login: ${answer?.status ?? 'no answer'}`);
    await pause(1_000);
  }
}
