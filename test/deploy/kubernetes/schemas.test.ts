import { describe, expect, test } from 'vitest';

import { MANIFESTS, objectSchema } from './manifests.ts';
import { schemaFaults } from './openapi-schemas.ts';

describe('the OpenAPI schemas of Kubernetes', () => {
  test.each(MANIFESTS.map(({ file, object }) => [file, object.kind, object.metadata.name, object] as const))(
    'know every member of %s: %s %s',
    (_file, _kind, _name, object) => {
      expect(schemaFaults(object)).toEqual([]);
    },
  );

  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'muster' } };
  const pod = (container: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'muster' },
    spec: { containers: [{ name: 'muster', ...container }] },
  });
  test.each<[string, object, readonly string[]]>([
    ['nothing wrong', namespace, []],
    ['a pod, nothing wrong', pod({ livenessProbe: { httpGet: { port: 'health' } } }), []],
    ['a port by number', pod({ livenessProbe: { httpGet: { port: 7447 } } }), []],
    ['a version that the kind is not in', { ...namespace, apiVersion: 'v2' }, ['v2 Namespace: no schema']],
    ['a member misspelt', { ...namespace, spek: {} }, [expect.stringMatching(/spek/)]],
    ['a member misspelt further down', pod({ livenesProbe: {} }), [expect.stringMatching(/livenesProbe/)]],
    ['a number as text', pod({ ports: [{ containerPort: '7443' }] }), [expect.stringMatching(/containerPort/)]],
    ['a required member left out', pod({ ports: [{}] }), [expect.stringMatching(/containerPort/)]],
    ['neither number nor text', pod({ livenessProbe: { httpGet: { port: true } } }), [expect.stringMatching(/port/)]],
  ])('hold an object with %s against its kind', (_, object, faults) => {
    expect(schemaFaults(objectSchema.parse(object))).toEqual(faults);
  });
});
