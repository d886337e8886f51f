/** Real programs, by path. Undefined: not on this machine. */
export interface KubernetesPrograms {
  readonly kubeApiserver: string;
  readonly etcd: string;
}

/** What `KUBE_APISERVER` and `ETCD` name; undefined, and said loudly, where either is missing. */
export function kubernetesPrograms(): KubernetesPrograms | undefined {
  const { KUBE_APISERVER: kubeApiserver, ETCD: etcd } = process.env;
  if (kubeApiserver !== undefined && etcd !== undefined) return { kubeApiserver, etcd };
  console.warn(
    'SKIPPED: KUBE_APISERVER and ETCD name no programs, so no real API server is asked; the reviews that one sent are replayed instead',
  );
  return undefined;
}
