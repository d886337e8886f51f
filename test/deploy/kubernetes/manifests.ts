import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';

import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

/** Where the manifests are, from the project's root. */
export const FOLDER = 'deploy/kubernetes';

/** What Kubernetes calls an object. */
export const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});
export type ManifestObject = z.output<typeof objectSchema>;

/** One of them, and the file that it stands in. */
export interface Manifest {
  readonly file: string;
  readonly object: ManifestObject;
}

/** The documents in `text`. kubectl reads YAML 1.1, where 0440 is a mode and not the number 440. */
export function documentsIn(text: string, file: string): readonly unknown[] {
  return parseAllDocuments(text, { version: '1.1' }).map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors.join('; ')}`);
    return document.toJS();
  });
}

const kustomizationSchema = z.looseObject({
  kind: z.enum(['Kustomization', 'Component']),
  resources: z.array(z.string()).default([]),
});

/** The folder's kustomization, as far as it names whole objects. */
export function readKustomization(folder: string): z.output<typeof kustomizationSchema> {
  const file = join(FOLDER, folder, 'kustomization.yaml');
  return kustomizationSchema.parse(documentsIn(readFileSync(file, 'utf8'), file)[0]);
}

/** Every folder with a kustomization in it. */
export const KUSTOMIZATIONS: readonly string[] = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('/kustomization.yaml'))
  .map((file) => file.slice(0, -'/kustomization.yaml'.length))
  .toSorted();

const whole = (file: string): readonly Manifest[] =>
  documentsIn(readFileSync(file, 'utf8'), file).map((document) => ({ file, object: objectSchema.parse(document) }));

/** Each object that is written down whole, once: those that kustomizations list, and the static pod. Patches are not among them. */
export const MANIFESTS: readonly Manifest[] = [
  ...KUSTOMIZATIONS.flatMap((folder) =>
    readKustomization(folder)
      .resources.filter((name) => name.endsWith('.yaml'))
      .flatMap((name) => whole(join(FOLDER, folder, name))),
  ),
  ...whole(join(FOLDER, 'authorizer/static-pod/muster-authorizer.yaml')),
];

/** A program that renders kustomizations with components (kustomize 5, which kubectl has from 1.27 on); undefined where there is none, said loudly. */
export function findKustomize(): Kustomize | undefined {
  const candidates = [
    { command: ['kustomize', 'build'], asks: ['kustomize', 'version'] },
    { command: ['kubectl', 'kustomize'], asks: ['kubectl', 'version', '--client'] },
  ] as const;
  for (const { command, asks } of candidates) {
    const [program, ...args] = asks;
    const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
    // An older kubectl tells its own version alone, or that of an older kustomize.
    if (status === 0 && /v(?:[5-9]|[1-9]\d)\.\d+\.\d+/.test(stdout)) return command;
  }
  console.warn('SKIPPED: neither kustomize nor kubectl is on this machine, so components and patches are not rendered');
  return undefined;
}

export type Kustomize = readonly [program: string, ...args: string[]];

/** What `folder`, below that of the manifests, renders to. */
export const render = (kustomize: Kustomize, folder: string): readonly ManifestObject[] =>
  renderPath(kustomize, join(FOLDER, folder));

/** What `folder` renders to with these components, as a site's own kustomization would have it. */
export function renderWith(
  kustomize: Kustomize,
  folder: string,
  components: readonly string[],
): readonly ManifestObject[] {
  const site = mkdtempSync(join(tmpdir(), 'muster-site-'));
  try {
    const at = (name: string): string => relative(realpathSync(site), resolve(FOLDER, name));
    const kind = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' };
    const parts = { resources: [at(folder)], components: components.map((name) => at(`components/${name}`)) };
    writeFileSync(join(site, 'kustomization.yaml'), JSON.stringify({ ...kind, ...parts }));
    return renderPath(kustomize, site);
  } finally {
    rmSync(site, { recursive: true });
  }
}

function renderPath([program, ...args]: Kustomize, path: string): readonly ManifestObject[] {
  const { status, stdout, stderr } = spawnSync(program, [...args, path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${path}: ${stderr}`);
  return documentsIn(stdout, path).map((document) => objectSchema.parse(document));
}
