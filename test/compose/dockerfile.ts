/** One instruction of a Dockerfile, continued lines joined and comments left out. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** One `FROM` with what follows it; `base` is another stage's name or an image, arguments replaced by their defaults. */
export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, in order. Of its syntax, what ours use: no heredocs, no parser directives. */
export function parseDockerfile(text: string): readonly Stage[] {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const defaults = new Map<string, string>();
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (name === '') throw new Error(`not an instruction: ${line}`);
    const stage = stages.at(-1);
    if (name === 'ARG' && stage === undefined) {
      const [, argument = '', value = ''] = /^([A-Z_]+)=(.*)$/.exec(rest) ?? [];
      defaults.set(argument, value);
    } else if (name === 'FROM') {
      const [, base = '', as] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      const named = base.replaceAll(/\$\{([A-Z_]+)\}/g, (_, argument: string) => defaults.get(argument) ?? '');
      stages.push({ name: as ?? String(stages.length), base: named, instructions: [] });
    } else if (stage === undefined) {
      throw new Error(`before the first stage: ${line}`);
    } else {
      stage.instructions.push({ name, text: rest });
    }
  }
  return stages;
}

/** The instructions that make `stage`: its own after those of the stages that it is from. The first base is the image that it begins with. */
export function lineage(stages: readonly Stage[], name: string): readonly Stage[] {
  const stage = stages.find((one) => one.name === name);
  if (stage === undefined) return [];
  return [...lineage(stages, stage.base), stage];
}

/** The last instruction of that name, as the image will have it. */
export const lastOf = (stages: readonly Stage[], name: string): string | undefined =>
  stages.flatMap(({ instructions }) => instructions).findLast((one) => one.name === name)?.text;

const PINNED = /^[a-z0-9./-]+:[A-Za-z0-9._-]*[a-z0-9]@sha256:[0-9a-f]{64}$/;
const NOBODY = /^[1-9][0-9]*:[1-9][0-9]*$/;

/** What in a Dockerfile is not as ours are; empty where it is. `images` are the stages that are made into images. */
export function dockerfileFaults(text: string, images: readonly string[]): readonly string[] {
  const stages = parseDockerfile(text);
  const names = stages.map(({ name }) => name);
  const all = stages.flatMap(({ instructions }) => instructions);
  const run = all.filter(({ name }) => name === 'RUN').map((one) => one.text);
  return [
    ...(stages.length > 1 ? [] : ['it has one stage']),
    ...stages
      .filter(({ base }) => !names.includes(base) && (!PINNED.test(base) || base.includes(':latest')))
      .map(({ base }) => `base ${base} is not pinned by tag and digest`),
    ...images.flatMap((image) => imageFaults(image, lineage(stages, image))),
    ...all.filter(({ name }) => name === 'ADD').map((one) => `ADD ${one.text}`),
    ...all
      .filter(({ name, text: of }) => name === 'COPY' && /^(?:--\S+ )*\.\/? /.test(of))
      .map(() => 'it copies everything'),
    ...all
      .filter(({ name, text: of }) => ['ENV', 'ARG'].includes(name) && /PASS|SECRET|TOKEN|_KEY/i.test(of))
      .map((one) => `${one.name} ${one.text}`),
    ...run.filter((line) => /npm (?:install|i) /.test(line)).map(() => 'npm install takes what is newest'),
    ...run
      .filter(
        (line) => /apt-get install/.test(line) && !/--no-install-recommends.*rm -rf \/var\/lib\/apt\/lists/.test(line),
      )
      .map(() => 'apt-get leaves more than what is needed'),
    ...run.filter((line) => /curl|wget|sudo/.test(line)).map((line) => `it fetches, or asks for more: ${line}`),
  ];
}

function imageFaults(image: string, stages: readonly Stage[]): readonly string[] {
  if (stages.length === 0) return [`there is no stage ${image}`];
  const own = stages.flatMap(({ instructions }) => instructions);
  const user = own.findLastIndex(({ name }) => name === 'USER');
  return [
    ...(NOBODY.test(own[user]?.text ?? '') ? [] : [`${image} runs as root, or as a name`]),
    ...(own.slice(user).some(({ name }) => name === 'RUN') ? [`${image} changes after its user is set`] : []),
    ...(own.some(({ name }) => name === 'HEALTHCHECK') ? [] : [`${image} has no health check`]),
    ...(lastOf(stages, 'ENTRYPOINT')?.startsWith('[') === true ? [] : [`${image} is started by a shell`]),
  ];
}
