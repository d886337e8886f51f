import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** One file of a package. */
export interface PackedFile {
  /** Where it is installed, without the leading slash. */
  readonly path: string;
  readonly mode: 0o644 | 0o755 | 0o640;
  readonly content: { readonly file: string } | { readonly text: string };
}

/** A Debian package to be made. */
export interface DebPlan {
  /** Fields of the control file that the template leaves open, such as Version. */
  readonly fields: Readonly<Record<string, string>>;
  /** Directory with `control` and, where there are any, the maintainer scripts. */
  readonly template: string;
  readonly files: readonly PackedFile[];
  /** Seconds since 1970: the time of everything in it. */
  readonly epoch: number;
}

const SCRIPTS = ['preinst', 'postinst', 'prerm', 'postrm'] as const;

/** Writes the package to `output`. What is in it depends on the plan alone: files below /etc are its configuration, everything is root's. */
export function buildDeb({ fields, template, files, epoch }: DebPlan, output: string): void {
  const directory = mkdtempSync(join(tmpdir(), 'muster-deb-'));
  try {
    for (const file of files) placeFile(directory, file);
    const control = join(directory, 'DEBIAN');
    mkdirSync(control);
    writeControl(control, template, { ...fields, 'Installed-Size': String(installedKib(directory, files)) });
    writeFileSync(
      join(control, 'md5sums'),
      files.map(({ path }) => `${md5(join(directory, path))}  ${path}\n`).join(''),
    );
    const settings = files.filter(({ path }) => path.startsWith('etc/'));
    if (settings.length > 0)
      writeFileSync(join(control, 'conffiles'), settings.map(({ path }) => `/${path}\n`).join(''));
    openDirectories(directory, files);
    packDirectory(directory, output, epoch);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function placeFile(root: string, { path, mode, content }: PackedFile): void {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  if ('file' in content) copyFileSync(content.file, target);
  else writeFileSync(target, content.text);
  chmodSync(target, mode);
}

function writeControl(control: string, template: string, fields: Readonly<Record<string, string>>): void {
  const [first = '', ...rest] = readFileSync(join(template, 'control'), 'utf8').split(/(?<=\n)/);
  const added = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  writeFileSync(join(control, 'control'), [first, ...added, ...rest].join(''));
  for (const script of SCRIPTS.filter((name) => existsSync(join(template, name)))) {
    copyFileSync(join(template, script), join(control, script));
    chmodSync(join(control, script), 0o755);
  }
}

/** The caller's umask is not the package's. */
function openDirectories(root: string, files: readonly PackedFile[]): void {
  chmodSync(root, 0o755);
  for (const path of ['DEBIAN/control', ...files.map((file) => file.path)]) {
    for (let at = dirname(path); at !== '.'; at = dirname(at)) chmodSync(join(root, at), 0o755);
  }
  for (const name of ['control', 'md5sums', 'conffiles']) {
    const file = join(root, 'DEBIAN', name);
    if (existsSync(file)) chmodSync(file, 0o644);
  }
}

const installedKib = (root: string, files: readonly PackedFile[]): number =>
  files.reduce((sum, { path }) => sum + Math.ceil(statSync(join(root, path)).size / 1_024), 0);

const md5 = (file: string): string => createHash('md5').update(readFileSync(file)).digest('hex');

function packDirectory(directory: string, output: string, epoch: number): void {
  const args = ['--root-owner-group', '-Zzstd', '-z9', '--threads-max=1', '--build', directory, output];
  const { status, stderr, error } = spawnSync('dpkg-deb', args, {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SOURCE_DATE_EPOCH: String(epoch) },
  });
  if (status !== 0) throw new Error(`dpkg-deb failed: ${error?.message ?? stderr}`);
}
