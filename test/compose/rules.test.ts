import { existsSync, readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import manifest from '../../package.json' with { type: 'json' };
import { type ComposeFile, type ComposeService, readComposeFile } from './compose-file.ts';
import { composeFaults } from './compose-rules.ts';
import { dockerfileFaults, parseDockerfile } from './dockerfile.ts';

const VERSION = manifest.version;
const FILE = readComposeFile();
const DOCKERFILES = {
  'deploy/images/server.Dockerfile': ['setup', 'server'],
  'deploy/images/node-demo.Dockerfile': ['node-demo'],
} as const;

/** The file with members of one service replaced. */
function withService(name: string, change: Partial<ComposeService>): ComposeFile {
  const service = FILE.services[name];
  if (service === undefined) throw new Error(`there is no service ${name}`);
  return { ...FILE, services: { ...FILE.services, [name]: { ...service, ...change } } };
}

describe('docker-compose.yml', () => {
  test('holds our rules as it is written', () => {
    expect(Object.keys(FILE.services)).toEqual(
      expect.arrayContaining(['muster-1', 'muster-2', 'postgres', 'openbao', 'node', 'tpm', 'prometheus']),
    );
    expect(composeFaults(FILE, VERSION)).toEqual([]);
  });

  test('names files that are there, and none of them has a secret', () => {
    for (const { file } of Object.values(FILE.configs)) {
      expect(readFileSync(file, 'utf8')).not.toMatch(/PRIVATE KEY|[0-9a-f]{32}/);
    }
    const built = Object.values(FILE.services).flatMap(({ build }) => build?.dockerfile ?? []);
    expect(built.filter((file) => !existsSync(file))).toEqual([]);
  });

  test('keeps database and key server on a network that leads nowhere, where no node is', () => {
    expect(FILE.networks['servers']?.internal).toBe(true);
    for (const name of ['postgres', 'openbao']) expect(FILE.services[name]?.networks).toEqual(['servers']);
    expect(FILE.services['node']?.networks).toEqual(['nodes']);
  });

  const BROKEN: readonly (readonly [string, string, Partial<ComposeService>])[] = [
    ['an image without a digest', 'postgres', { image: 'postgres:18.6-trixie' }],
    ['an image without a version', 'postgres', { image: `postgres@sha256:${'ab'.repeat(32)}` }],
    ['an image of ours of another version', 'muster-1', { image: 'muster/server:9.9.9' }],
    ['root', 'muster-1', { user: '0:0' }],
    ['a user of the image’s', 'openbao', { user: undefined }],
    ['a root that can be written', 'prometheus', { read_only: false }],
    ['capabilities', 'node', { cap_drop: [] }],
    ['more capabilities', 'node', { cap_add: ['SYS_ADMIN'] }],
    ['privileges', 'tpm', { privileged: true }],
    ['new privileges', 'tpm', { security_opt: [] }],
    ['no limits', 'muster-2', { pids_limit: undefined }],
    ['a password in the environment', 'postgres', { environment: { POSTGRES_PASSWORD: 'x' } }],
    ['a secret on the command line', 'openbao', { command: ['server', `-token=${'a1'.repeat(20)}`] }],
    ['a directory of the host', 'node', { volumes: ['/dev:/dev'] }],
    ['the operator’s volume in a server', 'muster-1', { volumes: ['operator:/operator:ro'] }],
    ['configuration that the server can change', 'muster-1', { volumes: ['muster:/etc/muster'] }],
    ['a port for everybody', 'muster-1', { ports: ['7443:7443'] }],
    ['the host’s network', 'prometheus', { network_mode: 'host' }],
    ['no health check', 'muster-1', { healthcheck: undefined }],
    ['a health check that is switched off', 'muster-1', { healthcheck: { disable: true } }],
    ['no restart', 'postgres', { restart: 'on-failure' }],
    [
      'a wait for something that is not healthy yet',
      'issuer',
      { depends_on: { openbao: { condition: 'service_started' } } },
    ],
  ];
  test.each(BROKEN)('is refused with %s', (_, name, change) => {
    expect(composeFaults(withService(name, change), VERSION)).toHaveLength(1);
  });
});

describe('the Dockerfiles', () => {
  test.each(Object.entries(DOCKERFILES))('%s holds our rules', (file, images) => {
    expect(dockerfileFaults(readFileSync(file, 'utf8'), images)).toEqual([]);
  });

  test('every image that is built has its stage, and what it copies is let into the build', () => {
    const built = Object.values(FILE.services).flatMap(({ build }) => build ?? []);
    for (const { dockerfile, target } of built) {
      const stages = parseDockerfile(readFileSync(dockerfile, 'utf8'));
      expect(target === undefined || stages.some(({ name }) => name === target)).toBe(true);
    }
    const [first, ...allowed] = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(first).toBe('*');
    const copied = Object.keys(DOCKERFILES).flatMap((file) =>
      parseDockerfile(readFileSync(file, 'utf8'))
        .flatMap(({ instructions }) => instructions)
        .filter(({ name, text }) => name === 'COPY' && !text.includes('--from='))
        .flatMap(({ text }) => text.split(' ').slice(0, -1)),
    );
    const isAllowed = (path: string): boolean =>
      allowed.some((line) => path === line.slice(1) || path.startsWith(`${line.slice(1)}/`));
    expect(copied.filter((path) => !isAllowed(path))).toEqual([]);
  });

  const GOOD = `ARG BASE=debian:trixie-slim@sha256:${'ab'.repeat(32)}
FROM \${BASE} AS build
RUN npm ci
FROM \${BASE} AS image
COPY --from=build /image /
USER 65532:65532
HEALTHCHECK CMD ["true"]
ENTRYPOINT ["/usr/bin/muster"]
`;
  test.each([
    ['no fault', '', '', 0],
    ['a base without a digest', /@sha256:[0-9a-f]+/, '', 2],
    ['the latest base', 'trixie-slim', 'latest', 2],
    ['root', 'USER 65532:65532\n', '', 1],
    ['a user by name', '65532:65532', 'nonroot', 1],
    ['no health check', 'HEALTHCHECK CMD ["true"]\n', '', 1],
    ['a shell', '["/usr/bin/muster"]', '/usr/bin/muster', 1],
    ['everything copied', 'COPY --from=build /image /', 'COPY . /', 1],
    ['a secret', 'RUN npm ci', 'ENV NPM_TOKEN=x', 1],
    ['what is newest', 'npm ci', 'npm install zod', 1],
    ['something fetched', 'npm ci', 'curl https://example.net | sh', 1],
    ['packages beyond need', 'npm ci', 'apt-get install swtpm', 1],
  ])('are looked at for: %s', (_, before, after, faults) => {
    expect(dockerfileFaults(GOOD.replace(before, after), ['image'])).toHaveLength(faults);
  });
});
