import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePorts, startMusterServe } from '#test/lab/programs.ts';
import { startSwtpm } from '#test/lab/swtpm.ts';
import { swtpmMaker } from '#test/lab/swtpm-maker.ts';

import { createNarrator, type Narrator } from './demo-parts/narrator.ts';
import {
  bootGood,
  captureReferenceValues,
  configureAgent,
  enrol,
  joinNode,
  refuseAltered,
  refuseReplay,
  refuseStranger,
  setUp,
} from './demo-parts/scenes.ts';
import { createStory } from './demo-parts/story.ts';

const HELP = `The main job of Muster on this machine, with software TPMs: a CA, the service, a join, and a rogue refused three ways.

  ./scripts/demo          under a minute; leaves nothing behind
  ./scripts/demo --keep   the same, and stays up until Ctrl-C for you to try the commands
`;

/** Tells the whole story. Whatever happens, everything that was started is stopped and every file removed before it resolves. */
async function tell(narrator: Narrator, keep: boolean, stop: AbortSignal): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'muster-demo-'));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  process.env['MUSTER_CLI_CONFIG'] = join(folder, 'muster/cli.yaml');
  const story = createStory(narrator, folder);
  const ports = await freePorts();
  const going = (): void => stop.throwIfAborted();

  narrator.part('Two software TPMs, with endorsement certificates from their maker');
  const maker = undo.use(await swtpmMaker());
  const nodeTpm = undo.use(await narrator.during('manufacturing one for the node', () => startSwtpm({ maker })));
  going();
  const strangerTpm = undo.use(await narrator.during('and one for a stranger', () => startSwtpm({ maker })));
  for (const who of ['node', 'stranger']) await mkdir(join(folder, who));
  const node = await configureAgent(story, nodeTpm, ports[0], 'node');
  await bootGood(node);
  await configureAgent(story, strangerTpm, ports[0], 'stranger');
  going();

  narrator.part('A CA, a server certificate, an administrator and a policy');
  await setUp(story, ports, nodeTpm.caPems.join(''));
  going();

  narrator.part('The service, on loopback, with its embedded store');
  narrator.command(['muster', 'serve', '--config', 'muster/muster.yaml']);
  let service = await narrator.during('starting', () => startMusterServe('muster/muster.yaml', folder));
  undo.defer(() => service[Symbol.asyncDispose]());
  await enrol(story, node);
  going();

  narrator.part('Reference values: what a good machine looks like');
  await captureReferenceValues(story);
  await narrator.during('starting the service again, under the new policy', async () => {
    await service[Symbol.asyncDispose]();
    service = await startMusterServe('muster/muster.yaml', folder);
  });
  going();

  narrator.part('The node joins');
  await joinNode(story);
  going();

  narrator.part('A rogue, refused three ways');
  await refuseStranger(story);
  going();
  const recorded = await refuseAltered(story, node);
  going();
  await refuseReplay(story, node, recorded);
  going();

  narrator.part('The record of all this');
  await story.run({ program: 'muster', args: ['audit', 'tail', '-n', '5'], exitCode: 0 });
  await story.run({ program: 'muster', args: ['audit', 'verify'], exitCode: 0 });
  narrator.good(`done in ${narrator.seconds().toFixed(1)} s`);
  if (keep) await stayUp(narrator, folder, [once(stop, 'abort'), service.ended]);
}

/** Stays until one of `ends` resolves: the person stops it, or the service ended. */
async function stayUp(narrator: Narrator, folder: string, ends: readonly Promise<unknown>[]): Promise<void> {
  const root = join(import.meta.dirname, '..');
  narrator.part('Still up');
  narrator.say('In another terminal:');
  narrator.output(
    [
      `cd ${folder}`,
      `export PATH=${join(root, 'scripts')}:$PATH MUSTER_CLI_CONFIG=${folder}/muster/cli.yaml`,
      'muster nodes show worker-1',
      'muster audit tail --follow',
      'muster-agent doctor --config node/agent.yaml',
      'muster-agent join --config stranger/agent.yaml',
    ].join('\n'),
  );
  narrator.say('Ctrl-C here stops everything and removes that directory.');
  await Promise.race(ends);
}

const args = process.argv.slice(2);
if (args.some((word) => word !== '--keep')) {
  process.stdout.write(HELP);
  process.exitCode = args.includes('--help') || args.includes('-h') ? 0 : 64;
} else {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error('stopped')));
  // A software TPM lasts as long as this process: an interval keeps it alive through a wait that holds nothing else open.
  const alive = setInterval(() => undefined, 60_000);
  try {
    await tell(
      createNarrator(process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === ''),
      args.includes('--keep'),
      stop.signal,
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(stop.signal.aborted ? '\nStopped; nothing was left behind.\n' : `\n${message}\n`);
    process.exitCode = stop.signal.aborted ? 130 : 1;
  } finally {
    clearInterval(alive);
  }
}
