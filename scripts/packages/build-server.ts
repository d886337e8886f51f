import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { sumFiles } from './checksums.ts';
import { buildDeb, type PackedFile } from './deb.ts';
import { type PinnedPackage, readLockfile } from './lockfile.ts';
import { type Architecture, DEBIAN_ARCHITECTURE, pinnedRuntime } from './runtime.ts';
import { renderSbom } from './sbom.ts';
import { debianVersion, readSource } from './source.ts';

/** Where the parts of a built server are. */
export interface BuiltServer {
  readonly deb: string;
  /** The same files, for machines without dpkg. */
  readonly tarball: string;
  readonly sbom: string;
  readonly checksums: string;
}

/** The folders that the server and its command line run from. */
const FOLDERS = ['attestation', 'cli', 'core', 'pki', 'protocol', 'services', 'tpm2'];
const HOME = 'usr/lib/muster';
const DOC = 'usr/share/doc/muster';

/**
 * Packs the server for `architecture` from the checkout at `root`, into `output`, which is made: the sources as they are, the packages that
 * the lockfile pins for them, and the runtime. Optional packages (the PKCS #11 binding) are not in it. Throws where an installed package is
 * not the pinned one.
 */
export async function buildServer(root: string, architecture: Architecture, output: string): Promise<BuiltServer> {
  mkdirSync(output, { recursive: true });
  const work = mkdtempSync(join(output, '.build-'));
  try {
    const source = readSource(root);
    const lockfile = readLockfile(root);
    const runtime = pinnedRuntime(root, lockfile, architecture, work);
    const packages = [...lockfile.values()].filter(({ dev, optional }) => !dev && !optional);
    const name = join(output, `muster-linux-${architecture}`);
    const sbom = `${name}.cdx.json`;
    const subject = { name: 'muster', source, packages: [...packages, runtime.pinned], lockfile };
    writeFileSync(sbom, renderSbom({ ...subject, runtimeVersions: process.versions }));
    const files = [
      { path: `${HOME}/node`, mode: 0o755, content: { file: runtime.program } } as const,
      ...sourceFiles(root),
      ...packages.flatMap((pinned) => packageFiles(root, pinned)),
      ...systemFiles(root),
      plain(`${DOC}/muster.cdx.json`, sbom),
    ];
    const deb = join(output, `muster_${debianVersion(source)}_${DEBIAN_ARCHITECTURE[architecture]}.deb`);
    const fields = { Version: debianVersion(source), Architecture: DEBIAN_ARCHITECTURE[architecture] };
    buildDeb({ fields, template: join(root, 'deploy/debian/muster'), files, epoch: source.epoch }, deb);
    const tarball = `${name}.tar.gz`;
    writeFileSync(tarball, gzipSync(contentOf(deb), { level: 6 }));
    const checksums = `${name}.sha256`;
    writeFileSync(checksums, await sumFiles([deb, tarball, sbom]));
    return { deb, tarball, sbom, checksums };
  } finally {
    rmSync(work, { recursive: true });
  }
}

const plain = (path: string, file: string): PackedFile => ({ path, mode: 0o644, content: { file } });

function sourceFiles(root: string): readonly PackedFile[] {
  const sources = FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }));
  return ['package.json', ...sources].toSorted().map((path) => plain(`${HOME}/${path}`, join(root, path)));
}

function packageFiles(root: string, { place, version }: PinnedPackage): readonly PackedFile[] {
  const at = join(root, place);
  const installed = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as { version: string };
  if (installed.version !== version) throw new Error(`${place} is ${installed.version}, and ${version} is pinned`);
  return globSync('**/*', { cwd: at, exclude: (path) => path.split('/').includes('node_modules') })
    .filter((path) => statSync(join(at, path)).isFile())
    .toSorted()
    .map((path) => plain(`${HOME}/${place}/${path}`, join(at, path)));
}

function systemFiles(root: string): readonly PackedFile[] {
  const units = 'usr/lib/systemd/system';
  const pages = ['install-the-service', 'from-one-machine-to-a-pool', 'authorizer', 'reference-values', 'enrol-a-node'];
  return [
    { path: 'usr/bin/muster', mode: 0o755, content: { file: join(root, 'deploy/debian/muster/muster') } },
    plain(`${units}/muster.service`, join(root, 'deploy/systemd/muster.service')),
    plain(`${units}/muster-authorizer.service`, join(root, 'deploy/kubernetes/muster-authorizer.service')),
    plain('usr/lib/sysusers.d/muster.conf', join(root, 'deploy/systemd/sysusers.d/muster.conf')),
    plain(`${DOC}/copyright`, join(root, 'LICENSE')),
    ...pages.map((page) => plain(`${DOC}/${page}.md`, join(root, `docs/operations/${page}.md`))),
    plain(`${DOC}/configuration.md`, join(root, 'docs/configuration.md')),
  ];
}

function contentOf(deb: string): Buffer {
  const { status, stdout, stderr } = spawnSync('dpkg-deb', ['--fsys-tarfile', deb], { maxBuffer: 2 ** 30 });
  if (status !== 0) throw new Error(`dpkg-deb failed: ${stderr.toString()}`);
  return stdout;
}
