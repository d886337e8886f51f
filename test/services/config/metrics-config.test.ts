import { describe, expect, test } from 'vitest';

import { healthListenerSchema } from '#services/config/health-config.ts';
import { metricsListenerSchema, withAbsoluteMetricsPaths } from '#services/config/metrics-config.ts';
import { shutdownSchema } from '#services/config/shutdown-config.ts';

const guarded = { access: 'client-certificate', certificate: 'a.pem', key: 'a.key' };

describe('the place of metrics', () => {
  test.each<[string, object, boolean]>([
    ['loopback without a certificate', { access: 'loopback' }, true],
    ['another loopback address', { access: 'loopback', host: '127.9.9.9' }, true],
    ['IPv6 loopback', { access: 'loopback', host: '::1' }, true],
    ['any other address without a certificate', { access: 'loopback', host: '10.0.0.1' }, false],
    ['every address without a certificate', { access: 'loopback', host: '0.0.0.0' }, false],
    ['every IPv6 address without a certificate', { access: 'loopback', host: '::' }, false],
    ['a mapped address without a certificate', { access: 'loopback', host: '::ffff:10.0.0.1' }, false],
    ['any address with client certificates', { ...guarded, host: '10.0.0.1' }, true],
    ['client certificates without a server’s own', { access: 'client-certificate' }, false],
    ['no word on who may read', { host: '127.0.0.1' }, false],
  ])('%s: %o is taken: %s', (_, listener, taken) => {
    expect(metricsListenerSchema.safeParse(listener).success).toBe(taken);
  });

  test('has absolute paths afterwards', () => {
    const at = (name: string) => `/etc/muster/${name}`;
    const absolute = withAbsoluteMetricsPaths(metricsListenerSchema.parse(guarded), at);
    expect(absolute).toMatchObject({ certificate: '/etc/muster/a.pem', key: '/etc/muster/a.key', host: '127.0.0.1' });
  });
});

test('the place for an orchestrator’s probes is loopback unless said, and an address', () => {
  expect(healthListenerSchema.parse({})).toEqual({ host: '127.0.0.1', port: 7_447 });
  expect(healthListenerSchema.safeParse({ host: 'localhost' }).success).toBe(false);
  expect(healthListenerSchema.safeParse({ path: '/metrics' }).success).toBe(false);
});

test('a stop waits for nobody unless it is told to, and gives requests five seconds', () => {
  expect(shutdownSchema.parse(undefined)).toEqual({ delaySeconds: 0, graceSeconds: 5 });
});
