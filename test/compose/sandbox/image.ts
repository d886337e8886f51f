import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

import { lastOf, lineage, parseDockerfile, type Stage } from '../dockerfile.ts';
import { shell } from './shell.ts';

/** A root file system in layers, the uppermost first, and what the Dockerfile says of the process in it. */
export interface Image {
  readonly layers: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/** What is in `gcr.io/distroless/cc`, from this machine's packages: the C and C++ libraries, and no shell. */
const DISTROLESS_PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6'];

/** A file system in layers, and a name that is the same for whatever was made in the same way. */
interface Made {
  readonly layers: readonly string[];
  readonly key: string;
}

/**
 * Builds images as a container engine would: each instruction makes a layer over those before it, and one that was made is not made again. Two
 * things are this machine's own: what stands for the base images, and the Debian packages, which must be installed on it.
 */
export class Builder {
  readonly #folder: string;
  readonly #context: string;

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
    return { layers: this.#make(stages, name).layers, entrypoint: words('ENTRYPOINT'), command: words('CMD') };
  }

  #make(stages: readonly Stage[], name: string): Made {
    const stage = stages.find((one) => one.name === name);
    if (stage === undefined) return { layers: this.#base(name), key: name };
    let made = this.#make(stages, stage.base);
    let directory = '/';
    for (const { name: instruction, text } of stage.instructions) {
      if (instruction === 'WORKDIR') directory = text;
      const from = / ?--from=(\S+)/.exec(text)?.[1];
      const source = from === undefined ? undefined : this.#make(stages, from);
      const at = directory;
      if (instruction === 'COPY')
        made = this.#layer(made, `${text} ${source?.key ?? ''}`, (root) =>
          this.#copy(text, join(root, at), root, source),
        );
      if (instruction === 'RUN')
        made = this.#layer(made, `${at} ${text}`, (root) => runInside(root, at, withInstalledPackages(text)));
      if (instruction === 'WORKDIR')
        made = this.#layer(made, text, (root) => mkdirSync(join(root, text), { recursive: true }));
    }
    return made;
  }

  #layer(below: Made, how: string, change: (root: string) => void): Made {
    const key = createHash('sha256').update(`${below.key}\n${how}`).digest('hex').slice(0, 12);
    const layer = join(this.#folder, key);
    if (!existsSync(layer)) this.#mounted(below.layers, layer, change);
    return { key, layers: [layer, ...below.layers] };
  }

  /** Does something in the layers, whose changes go to `upper` where there is one. */
  #mounted(layers: readonly string[], upper: string | undefined, action: (root: string) => void): void {
    const [work, root] = [mkdtempSync(join(this.#folder, 'w-')), mkdtempSync(join(this.#folder, 'r-'))];
    if (upper !== undefined) mkdirSync(upper);
    // Of one layer alone nothing could be made but by a second, empty one.
    const options =
      upper === undefined
        ? `lowerdir=${[...layers, work].join(':')}`
        : `lowerdir=${layers.join(':')},upperdir=${upper},workdir=${work}`;
    shell('mount -t overlay overlay -o "$1" "$2"', options, root);
    try {
      action(root);
    } finally {
      shell('umount "$1"', root);
    }
  }

  /** An image of others. Debian and what is made of it: this machine. Without a shell: a root with nothing but the libraries. */
  #base(image: string): readonly string[] {
    if (!image.includes('distroless')) return ['/'];
    const root = join(this.#folder, 'distroless');
    if (!existsSync(root)) {
      mkdirSync(root);
      shell(
        `cd "$1"; mkdir -p usr/lib usr/lib64 usr/bin etc proc dev tmp; ln -s usr/lib lib; ln -s usr/lib64 lib64; ln -s usr/bin bin
        dpkg -L ${DISTROLESS_PACKAGES.join(' ')} | grep '[.]so' | grep -v gconv | tar -C / -cf - -T - 2>/dev/null | tar -xf - --keep-directory-symlink`,
        root,
      );
    }
    return [root];
  }

  #copy(text: string, directory: string, root: string, source: Made | undefined): void {
    const words = text.split(' ');
    const owner = words.find((word) => word.startsWith('--chown='))?.slice('--chown='.length);
    const paths = words.filter((word) => !word.startsWith('--'));
    const destination = paths.pop() ?? '';
    const to = destination.startsWith('/') ? join(root, destination) : join(directory, destination);
    const from = (context: string): void => {
      for (const path of paths) {
        const origin = join(context, path);
        const into = statSync(origin).isDirectory() || !destination.endsWith('/') ? to : join(to, basename(path));
        cpSync(origin, into, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
        if (owner !== undefined) shell('chown -R "$1" "$2"', owner, into);
      }
    };
    if (source === undefined) from(this.#context);
    else this.#mounted(source.layers, undefined, from);
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
