import { coverageFaults, roleFaults } from './cluster-rules.ts';
import type { ManifestObject } from './manifests.ts';
import { podFaults, podOf } from './pod-rules.ts';

/** Everything about objects that are applied together that is against our rules. */
export function faultsOf(objects: readonly ManifestObject[]): readonly string[] {
  const pods = objects.flatMap((object) => {
    const pod = podOf(object);
    return pod === undefined ? [] : podFaults(object.metadata.name, pod.spec);
  });
  return [...pods, ...objects.flatMap(roleFaults), ...coverageFaults(objects)];
}
