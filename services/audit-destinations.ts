import { hostname } from 'node:os';
import { createSecureContext } from 'node:tls';

import type { AuditRecord } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import { Secret } from '#core/secret.ts';
import { readPrivateFile } from '#pki/private-file.ts';
import type { Destination } from '#services/audit-export/destination.ts';
import { fileDestination } from '#services/audit-export/file-destination.ts';
import { httpsDestination } from '#services/audit-export/https-destination.ts';
import { ocsfEvent } from '#services/audit-export/ocsf-event.ts';
import { syslogDestination } from '#services/audit-export/syslog-destination.ts';
import type { TlsFiles } from '#services/audit-export/tls-files.ts';
import type { DestinationConfig } from '#services/config/audit-config.ts';
import { ConfigError } from '#services/config/strict-document.ts';

import { readCertificates } from './read-certificates.ts';

export interface DestinationContext {
  readonly audience: string;
  /** Of this program. */
  readonly version: string;
  readonly now: Clock;
}

const SECRET_MAX_BYTES = 65_536;
/** RFC 6750 §2.1. */
const BEARER_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** The destination that `config` describes. Its files are read for each delivery. */
export function openDestination(
  config: DestinationConfig,
  { audience, version, now }: DestinationContext,
): Destination {
  const render = (record: AuditRecord): string => JSON.stringify(ocsfEvent(record, { audience, version }));
  switch (config.kind) {
    case 'file':
      return fileDestination({ name: config.name, path: config.path, render });
    case 'https': {
      const { bearerTokenFile, timeoutSeconds, url } = config;
      return httpsDestination({
        name: config.name,
        url: new URL(url),
        format: config.format,
        render,
        readTls: () => readTlsFiles(config),
        readBearerToken: bearerTokenFile === undefined ? undefined : () => readBearerToken(bearerTokenFile),
        timeoutMs: timeoutSeconds * 1_000,
        now,
      });
    }
    case 'syslog': {
      const { facility, enterpriseNumber, maxMessageBytes, timeoutSeconds, confirmation } = config;
      return syslogDestination({
        name: config.name,
        host: config.host,
        port: config.port,
        serverName: config.serverName ?? config.host,
        confirmation,
        message: { facility, enterpriseNumber, maxMessageBytes, audience, hostname: hostname() },
        readTls: () => readTlsFiles(config),
        timeoutMs: timeoutSeconds * 1_000,
      });
    }
  }
}

/** Rejects with ConfigError or PrivateFileError where a file that `config` names is not what it should be. */
export async function checkDestinationFiles(config: DestinationConfig): Promise<void> {
  if (config.kind === 'file') return;
  await readTlsFiles(config);
  if (config.kind === 'https' && config.bearerTokenFile !== undefined) await readBearerToken(config.bearerTokenFile);
}

async function readTlsFiles(files: {
  readonly ca: string;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}): Promise<TlsFiles> {
  const { text: ca } = await readCertificates(files.ca);
  if (files.certificate === undefined || files.key === undefined) return { ca, identity: undefined };
  const { text: certificate } = await readCertificates(files.certificate);
  const key = await readSecret(files.key);
  try {
    createSecureContext({ cert: certificate, key });
  } catch {
    throw new ConfigError(files.key, [`not the key of ${files.certificate}`]);
  }
  return { ca, identity: { certificate, key } };
}

async function readBearerToken(file: string): Promise<Secret<string>> {
  const token = (await readSecret(file)).trimEnd();
  if (!BEARER_TOKEN.test(token)) throw new ConfigError(file, ['not a bearer token']);
  return new Secret(token);
}

const readSecret = async (file: string): Promise<string> =>
  Buffer.from(await readPrivateFile(file, SECRET_MAX_BYTES)).toString('utf8');
