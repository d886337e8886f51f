import { describe, expect, test } from 'vitest';

import { parseServerConfig, readEnvironment, type ServerConfig } from '#services/config/config.ts';
import { ConfigError } from '#services/config/strict-document.ts';

const GOOD = `
apiVersion: muster/v1
kind: ServerConfig
audience: join.example
listeners:
  node: { certificate: tls/server.pem, key: tls/server.key }
  admin: { certificate: tls/server.pem, key: tls/server.key, clientCa: ca.pem, administrators: administrators.yaml }
issuer: { chain: chain.pem, signer: { kind: file, key: issuing.key, passphrase: { kind: file, path: /run/passphrase } } }
store: { kind: sqlite, path: data/muster.db }
tickets: { key: ticket.key }
policy: policy.yaml
kubernetes: { apiServer: 'https://k8s.example:6443', ca: kubernetes.pem }
`;

const parse = (text: string): ServerConfig => parseServerConfig(text, '/etc/muster/muster.yaml');

const problemsOf = (text: string): readonly string[] => {
  try {
    parse(text);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

describe('the server’s configuration', () => {
  test('gets safe values where it is silent, and absolute paths', () => {
    const config = parse(GOOD);
    expect(config.listeners).toMatchObject({
      node: { host: '127.0.0.1', port: 7443, key: '/etc/muster/tls/server.key' },
      admin: { host: '127.0.0.1', port: 7444, clientCa: '/etc/muster/ca.pem' },
    });
    expect(config.limits).toMatchObject({
      maxConnections: 2_048,
      rates: { perEk: { burst: 20, perMinute: 20 } },
      work: { running: 16, waiting: 1_024, waitSeconds: 5, runSeconds: 20 },
    });
    expect(config.log).toEqual({ level: 'info' });
    expect(config.issuer.signer).toEqual({
      kind: 'file',
      key: '/etc/muster/issuing.key',
      passphrase: { kind: 'file', path: '/run/passphrase' },
    });
    expect(config.store).toEqual({ kind: 'sqlite', path: '/etc/muster/data/muster.db' });
  });

  test('cannot be changed once it is read', () => {
    const config = parse(GOOD);
    expect(() => Object.assign(config.listeners.node, { host: '0.0.0.0' })).toThrow(TypeError);
  });

  test.each<[string, string, string, readonly string[]]>([
    ['as it is', 'audience', 'audience', []],
    ['a member that does not exist', 'policy:', 'policyy: x\npolicy:', ['policyy: unknown member']],
    [
      'a member misspelt',
      'clientCa',
      'clientCA',
      [expect.stringMatching(/clientCa: /), 'listeners.admin.clientCA: unknown member'],
    ],
    ['a member twice', 'audience:', 'audience: x\naudience:', [expect.stringMatching(/unique/)]],
    ['an alias', 'audience: join.example', 'audience: &a join.example\nx: *a', [expect.any(String)]],
    ['two documents', 'apiVersion', '---\na: 1\n---\napiVersion', [expect.any(String)]],
    ['another version', 'muster/v1', 'muster/v2', [expect.stringMatching(/^apiVersion: /)]],
    ['a host name to bind', 'node: {', 'node: { host: localhost,', [expect.stringMatching(/^listeners\.node\.host: /)]],
    ['a port that is none', 'node: {', 'node: { port: 65536,', [expect.stringMatching(/^listeners\.node\.port: /)]],
    [
      'one port for both listeners',
      'node: {',
      'node: { port: 7444,',
      ['listeners.admin.port: the node listener has it'],
    ],
    ['an API server without TLS', 'https://k8s', 'http://k8s', [expect.stringMatching(/^kubernetes\.apiServer: /)]],
    [
      'a passphrase in the file itself',
      'path: /run/passphrase',
      'value: hunter2hunter2',
      [expect.any(String), 'issuer.signer.passphrase.value: unknown member'],
    ],
    ['an empty audience', 'audience: join.example', "audience: ''", [expect.stringMatching(/^audience: /)]],
    [
      'a limit that is none',
      'tickets:',
      'limits: { joinBodyBytes: 0 }\ntickets:',
      [expect.stringMatching(/^limits\.joinBodyBytes: /)],
    ],
  ])('is judged with %s', (_, from, to, problems) => {
    expect(GOOD).toContain(from);
    const found = problemsOf(GOOD.replace(from, to));
    expect(found).toHaveLength(problems.length);
    for (const problem of problems) expect(found).toContainEqual(problem);
  });

  test('says everything that is wrong at once, and never the values', () => {
    const problems = problemsOf('apiVersion: muster/v1\nkind: Server\nsecret: hunter2\n');
    expect(problems.length).toBeGreaterThan(8);
    expect(problems.join()).not.toContain('hunter2');
  });

  test.each(['', 'null', '[]', 'text', '{'])('is refused as %j', (text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0);
  });
});

describe('the environment', () => {
  test('may name the configuration and systemd’s credentials', () => {
    expect(readEnvironment({ MUSTER_CONFIG: '/a', CREDENTIALS_DIRECTORY: '/b', PATH: '/c' })).toEqual({
      configFile: '/a',
      credentialsDirectory: '/b',
    });
    expect(readEnvironment({})).toEqual({ configFile: undefined, credentialsDirectory: undefined });
  });

  test('may say nothing else in this service’s name', () => {
    expect(() => readEnvironment({ MUSTER_POLICY: 'x', MUSTER_AUDIENCE: 'y' })).toThrow(
      'MUSTER_POLICY: unknown variable; MUSTER_AUDIENCE: unknown variable',
    );
    expect(() => readEnvironment({ MUSTER_CONFIG: '' })).toThrow(ConfigError);
    expect(readEnvironment({ MUSTER_CLI_CONFIG: 'x' })).toEqual({
      configFile: undefined,
      credentialsDirectory: undefined,
    });
  });
});
