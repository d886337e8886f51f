import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { bundleProgram } from './bundle.ts';
import { sumFiles } from './checksums.ts';
import { buildDeb, type PackedFile } from './deb.ts';
import { makeExecutable } from './executable.ts';
import { type PinnedPackage, readLockfile } from './lockfile.ts';
import { type Architecture, DEBIAN_ARCHITECTURE, pinnedRuntime, type Runtime } from './runtime.ts';
import { renderSbom } from './sbom.ts';
import { debianVersion, readSource, type Source } from './source.ts';

/** Where the parts of a built agent are. */
export interface BuiltAgent {
  readonly program: string;
  readonly deb: string;
  readonly sbom: string;
  /** SHA-256 of the three, as `sha256sum --check` reads it. */
  readonly checksums: string;
}

/** Makes the agent for `architecture` from the checkout at `root`, into `output`, which is made. What is made depends on the tree alone. */
export async function buildAgent(root: string, architecture: Architecture, output: string): Promise<BuiltAgent> {
  mkdirSync(output, { recursive: true });
  const work = mkdtempSync(join(output, '.build-'));
  try {
    const source = readSource(root);
    const lockfile = readLockfile(root);
    const runtime = pinnedRuntime(root, lockfile, architecture, work);
    const bundle = await bundleProgram(root, 'agent/main.ts');
    const made = join(work, 'muster-agent');
    makeExecutable(bundle.code, runtime.program, made);
    const program = join(output, `muster-agent-linux-${architecture}`);
    renameSync(made, program);
    const sbom = `${program}.cdx.json`;
    writeFileSync(sbom, agentSbom(source, lockfile, runtime, bundle.packages));
    const deb = join(output, `muster-agent_${debianVersion(source)}_${DEBIAN_ARCHITECTURE[architecture]}.deb`);
    packAgent(root, source, architecture, { program, sbom }, deb);
    const checksums = `${program}.sha256`;
    writeFileSync(checksums, await sumFiles([program, sbom, deb]));
    return { program, deb, sbom, checksums };
  } finally {
    rmSync(work, { recursive: true });
  }
}

function agentSbom(
  source: Source,
  lockfile: ReadonlyMap<string, PinnedPackage>,
  runtime: Runtime,
  places: readonly string[],
): string {
  const packages = places.map((place) => {
    const pinned = lockfile.get(place);
    if (pinned === undefined) throw new Error(`${place} is in the program, and the lockfile does not pin it`);
    return pinned;
  });
  const runtimeVersions = process.versions;
  return renderSbom({
    name: 'muster-agent',
    source,
    packages: [...packages, runtime.pinned],
    lockfile,
    runtimeVersions,
  });
}

function packAgent(
  root: string,
  source: Source,
  architecture: Architecture,
  { program, sbom }: Pick<BuiltAgent, 'program' | 'sbom'>,
  deb: string,
): void {
  const from = (path: string) => ({ file: join(root, path) });
  const doc = 'usr/share/doc/muster-agent';
  const units = 'usr/lib/systemd/system';
  const files: readonly PackedFile[] = [
    { path: 'etc/muster/agent.yaml', mode: 0o640, content: from('deploy/debian/muster-agent/agent.yaml') },
    { path: 'usr/bin/muster-agent', mode: 0o755, content: { file: program } },
    { path: `${units}/muster-agent.service`, mode: 0o644, content: from('deploy/systemd/muster-agent.service') },
    {
      path: `${units}/kubelet.service.d/20-muster.conf`,
      mode: 0o644,
      content: from('deploy/systemd/kubelet.service.d/20-muster.conf'),
    },
    {
      path: 'usr/lib/sysusers.d/muster-agent.conf',
      mode: 0o644,
      content: from('deploy/systemd/sysusers.d/muster-agent.conf'),
    },
    { path: `${doc}/copyright`, mode: 0o644, content: from('LICENSE') },
    { path: `${doc}/agent.md`, mode: 0o644, content: from('docs/operations/agent.md') },
    { path: `${doc}/configuration.md`, mode: 0o644, content: from('docs/configuration.md') },
    { path: `${doc}/muster-agent.cdx.json`, mode: 0o644, content: { file: sbom } },
  ];
  const fields = { Version: debianVersion(source), Architecture: DEBIAN_ARCHITECTURE[architecture] };
  buildDeb({ fields, template: join(root, 'deploy/debian/muster-agent'), files, epoch: source.epoch }, deb);
}
