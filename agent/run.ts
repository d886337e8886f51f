import type { Clock } from '#core/clock.ts';
import { CommandFailure, EXIT, type ExitCode } from '#core/exit-code.ts';

import { HELP, readCommandLine } from './command-line.ts';
import { type AgentConfig, ConfigError, loadConfig } from './config.ts';
import { describeEk, renderEk, renderEkJson, writeEkCertificate } from './describe-ek.ts';
import { examine, renderChecks } from './doctor.ts';
import { type Check, fail } from './doctor/check.ts';
import { answerExec } from './exec-credential.ts';
import { explainError, outcomeFailure } from './explain.ts';
import type { JoinedNode } from './join-cluster.ts';
import { acquireJoinLock } from './join-lock.ts';
import { joinNode } from './join-node.ts';
import { describeKey } from './measurements/describe-key.ts';
import { runService, type ServiceHost } from './service/run-service.ts';
import { VERSION } from './version.ts';

/** What the agent has of the process it runs in. `say` is standard error: progress, and one sentence when something failed. */
export interface AgentProcess extends ServiceHost {
  /** Standard output: results. */
  readonly print: (text: string) => void;
}

/** Does what `args` ask for and returns the exit code. A failure is said in one sentence, the last line; nothing is thrown. */
export async function runAgent(args: readonly string[], host: AgentProcess): Promise<ExitCode> {
  try {
    const { command, configFile, json, out } = readCommandLine(args);
    switch (command) {
      case 'help':
        host.print(HELP);
        return EXIT.ok;
      case 'version':
        host.print(`${VERSION}\n`);
        return EXIT.ok;
      case 'doctor':
        return await runDoctor(configFile, json, host);
      case 'ek':
        return await runEk(await loadConfig(configFile), { json, out }, host);
      case 'key':
        host.print(await runKey(await loadConfig(configFile), json, host));
        return EXIT.ok;
      case 'run':
        await runService(configFile, host);
        return EXIT.ok;
      case 'credential':
        host.print(await answerExec(await loadConfig(configFile), host));
        return EXIT.ok;
      case 'join':
        return await runJoin(await loadConfig(configFile), json, host);
    }
  } catch (error) {
    const { exitCode, message } = explainError(error);
    host.say(message);
    return exitCode;
  }
}

async function runJoin(config: AgentConfig, json: boolean, host: AgentProcess): Promise<ExitCode> {
  const deps = { ...host, progress: host.say };
  const place = { directory: config.credentialDirectory, waitSeconds: config.wait.totalSeconds };
  using _ = await acquireJoinLock(place, deps);
  const outcome = await joinNode(config, deps);
  if (outcome.status !== 'joined') throw outcomeFailure(outcome);
  host.print(json ? `${JSON.stringify(outcome, null, 2)}\n` : renderJoined(outcome));
  return EXIT.ok;
}

async function runKey({ measurements }: AgentConfig, json: boolean, host: AgentProcess): Promise<string> {
  if (measurements !== undefined) return describeKey(measurements, json, host);
  throw new CommandFailure(
    EXIT.configuration,
    'This machine attests with its TPM (attester: tpm2): see `muster-agent ek`.',
  );
}

async function runEk(
  config: AgentConfig,
  { json, out }: { readonly json: boolean; readonly out: string | undefined },
  host: AgentProcess,
): Promise<ExitCode> {
  const ek = await describeEk(config.tpm);
  if (out !== undefined) {
    await writeEkCertificate(ek, out);
    host.say(`The EK certificate is in ${out}.`);
  }
  host.print(json ? renderEkJson(ek) : renderEk(ek, config.claimedNodeName));
  return EXIT.ok;
}

function renderJoined({ node, certificate }: JoinedNode): string {
  return (
    `Joined as ${node.name} in pool ${node.pool}, rating ${node.protectionRating}.\n` +
    `Certificate ${certificate.serial} is valid until ${certificate.notAfter}; join again from ${certificate.renewAt} on.\n`
  );
}

async function runDoctor(configFile: string, json: boolean, host: AgentProcess): Promise<ExitCode> {
  const checks = await examineFrom(configFile, host.now);
  host.print(json ? `${JSON.stringify({ checks }, null, 2)}\n` : renderChecks(checks));
  const failed = checks.filter(({ status }) => status === 'fail');
  const [first] = failed;
  if (first === undefined) return EXIT.ok;
  host.say(`${failed.length} of ${checks.length} checks failed: begin with "${first.name}".`);
  return first.name === 'configuration' ? EXIT.configuration : EXIT.unavailable;
}

async function examineFrom(configFile: string, now: Clock): Promise<readonly Check[]> {
  let config: AgentConfig;
  try {
    config = await loadConfig(configFile);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => fail('configuration', problem, `correct ${configFile}`));
  }
  return examine(config, now);
}
