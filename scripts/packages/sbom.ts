import { createHash } from 'node:crypto';

import { type PinnedPackage, resolvePinned } from './lockfile.ts';
import type { Source } from './source.ts';

/** What a bill of materials is about. */
export interface SbomSubject {
  readonly name: string;
  readonly source: Source;
  /** The packages in it, of those in `lockfile`, the runtime's among them. */
  readonly packages: readonly PinnedPackage[];
  readonly lockfile: ReadonlyMap<string, PinnedPackage>;
  /** The libraries inside the runtime, as it names them itself (`process.versions`). */
  readonly runtimeVersions: Readonly<Record<string, string | undefined>>;
}

/** Versions that `process.versions` has of interfaces and data, not of libraries. */
const NO_LIBRARY = new Set(['node', 'modules', 'napi', 'cldr', 'tz', 'unicode']);

/** The bill of materials as CycloneDX 1.6 JSON. The same subject gives the same text: its time is the commit's, its serial number a digest. */
export function renderSbom({ name, source, packages, lockfile, runtimeVersions }: SbomSubject): string {
  const { version, commit, epoch } = source;
  const main = {
    type: 'application',
    'bom-ref': `${name}@${version}`,
    name,
    version,
    licenses: [{ license: { id: 'Apache-2.0' } }],
    properties: [{ name: 'muster:commit', value: source.isChanged ? `${commit}+changed` : commit }],
  };
  const libraries = Object.entries(runtimeVersions).flatMap(([library, libraryVersion]) =>
    libraryVersion === undefined || NO_LIBRARY.has(library) ? [] : [{ library, libraryVersion }],
  );
  const runtime = packages.find((pinned) => pinned.name.startsWith('node-linux-'));
  const inRuntime = libraries.map(({ library, libraryVersion }) => ({
    type: 'library',
    'bom-ref': `runtime/${library}@${libraryVersion}`,
    name: library,
    version: libraryVersion,
  }));
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { timestamp: new Date(epoch * 1_000).toISOString(), component: main },
    components: [...packages.map(renderPackage), ...inRuntime],
    dependencies: [
      { ref: main['bom-ref'], dependsOn: packages.map(purl) },
      ...packages.map((pinned) => ({
        ref: purl(pinned),
        dependsOn:
          pinned === runtime ? inRuntime.map((library) => library['bom-ref']) : needs(pinned, packages, lockfile),
      })),
    ],
  };
  return `${JSON.stringify({ ...bom, serialNumber: `urn:uuid:${uuidOf(JSON.stringify(bom))}` }, null, 2)}\n`;
}

function renderPackage(pinned: PinnedPackage) {
  const { name, version, integrity, license } = pinned;
  return {
    type: name.startsWith('node-linux-') ? 'platform' : 'library',
    'bom-ref': purl(pinned),
    name,
    version,
    purl: purl(pinned),
    // Of the package as it is published, which is what the lockfile pins.
    hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex') }],
    licenses: license === undefined ? [] : [{ expression: license }],
  };
}

function needs(
  pinned: PinnedPackage,
  packages: readonly PinnedPackage[],
  lockfile: ReadonlyMap<string, PinnedPackage>,
): readonly string[] {
  return Object.keys({ ...pinned.dependencies, ...pinned.optionalDependencies })
    .map((name) => resolvePinned(lockfile, name, pinned.place))
    .filter((found) => found !== undefined)
    .filter((found) => packages.includes(found))
    .map(purl);
}

const purl = ({ name, version }: PinnedPackage): string => `pkg:npm/${name.replace('@', '%40')}@${version}`;

/** A UUID of version 8 (RFC 9562 §5.8) that is a digest of `text`. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
