import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

import { lastOf, lineage, parseDockerfile, type Stage } from '../dockerfile.ts';
import { shell } from './shell.ts';

/** A root file system in layers, the uppermost first, and what the Dockerfile says of the process in it. */
export interface Image {
  readonly layers: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/** What is in `gcr.io/distroless/cc`, from this machine's packages: the C and C++ libraries, and no shell. */
const DISTROLESS_PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6', 'base-files'];

/**
 * Builds images as a container engine would: each stage is a file system over its base's, in which the instructions are carried out one by
 * one as they are written. Two things are this machine's own: what stands for the base images, and the Debian packages, which must be
 * installed on it.
 */
export class Builder {
  readonly #folder: string;
  readonly #context: string;
  readonly #built = new Map<string, readonly string[]>();

  constructor(folder: string, context: string) {
    this.#folder = folder;
    this.#context = context;
  }

  build(dockerfile: string, target: string | undefined): Image {
    const stages = parseDockerfile(readFileSync(join(this.#context, dockerfile), 'utf8'));
    const name = target ?? stages.at(-1)?.name ?? '';
    const line = lineage(stages, name);
    const words = (instruction: string): readonly string[] => {
      const text = lastOf(line, instruction);
      return text === undefined ? [] : (JSON.parse(text) as string[]);
    };
    const layers = this.#layersOf(stages, name, basename(dockerfile));
    return { layers, entrypoint: words('ENTRYPOINT'), command: words('CMD') };
  }

  #layersOf(stages: readonly Stage[], name: string, file: string): readonly string[] {
    const stage = stages.find((one) => one.name === name);
    if (stage === undefined) return this.#base(name);
    const key = `${file}-${name}`;
    const known = this.#built.get(key);
    if (known !== undefined) return known;
    const below = this.#layersOf(stages, stage.base, file);
    const layer = join(this.#folder, key);
    const layers = [layer, ...below];
    const [work, root] = [join(this.#folder, `${key}.work`), join(this.#folder, `${key}.root`)];
    for (const directory of [layer, work, root]) mkdirSync(directory, { recursive: true });
    shell('mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"', below.join(':'), layer, work, root);
    try {
      let directory = '/';
      for (const { name: instruction, text } of stage.instructions) {
        if (instruction === 'WORKDIR') mkdirSync(join(root, (directory = text)), { recursive: true });
        if (instruction === 'COPY') this.#copy(text, join(root, directory), root, stages, file);
        if (instruction === 'RUN') runInside(root, directory, withInstalledPackages(text));
      }
    } finally {
      shell('umount "$1"', root);
    }
    this.#built.set(key, layers);
    return layers;
  }

  /** An image of others. Debian and what is made of it: this machine. Without a shell: a root with nothing but the libraries. */
  #base(image: string): readonly string[] {
    if (!image.includes('distroless')) return ['/'];
    const root = join(this.#folder, 'distroless');
    if (!existsSync(root)) {
      mkdirSync(root);
      const names = DISTROLESS_PACKAGES.join(' ');
      shell(
        `cd "$1"; mkdir -p usr/lib usr/lib64 usr/bin etc proc dev tmp; ln -s usr/lib lib; ln -s usr/lib64 lib64; ln -s usr/bin bin
        for file in $(dpkg -L ${names} | sort -u); do
          case "$file" in */lib/*.so*|/lib64/*) [ -d "$file" ] || cp -a --remove-destination "$file" ".$file" 2>/dev/null || { mkdir -p ".\${file%/*}"; cp -a "$file" ".$file"; } ;; esac
        done`,
        root,
      );
    }
    return [root];
  }

  #copy(text: string, directory: string, root: string, stages: readonly Stage[], file: string): void {
    const words = text.split(' ');
    const option = (name: string): string | undefined =>
      words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
    const from = option('from');
    const paths = words.filter((word) => !word.startsWith('--'));
    const destination = paths.pop() ?? '';
    const to = destination.startsWith('/') ? join(root, destination) : join(directory, destination);
    // What a stage has made, without its base: nothing is copied out of a base.
    const source = from === undefined ? this.#context : (this.#layersOf(stages, from, file)[0] ?? '');
    for (const path of paths) {
      const origin = resolve(source, path.replace(/^\//, ''));
      const owner = option('chown');
      const into = statSync(origin).isDirectory() || !destination.endsWith('/') ? to : join(to, basename(path));
      cpSync(origin, into, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
      if (owner !== undefined) shell('chown -R "$1" "$2"', owner, into);
    }
  }
}

/** The packages of `apt-get install` are looked for on this machine, and nothing is fetched. */
const withInstalledPackages = (command: string): string =>
  command.replace(
    /apt-get update && apt-get install -y --no-install-recommends ([a-z0-9+. -]+?) && rm -rf \/var\/lib\/apt\/lists\/\*/,
    'dpkg-query --show $1',
  );

/** In mount namespaces of its own: what it mounts goes with it. */
function runInside(root: string, directory: string, command: string): void {
  const script = 'mount --rbind /dev "$1/dev"; mount -t proc proc "$1/proc"; exec chroot "$1" sh -euc "cd $2; $3"';
  shell('unshare --mount sh -euc "$1" sh "$2" "$3" "$4"', script, root, directory, command);
}
