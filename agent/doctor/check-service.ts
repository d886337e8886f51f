import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';

import type { Clock } from '#core/clock.ts';

import { type ConnectionFault, connectionFault } from '../connection-fault.ts';
import type { AgentConfig } from '../config.ts';
import { askForTime, isAboutTime, renderSkew } from '../service-time.ts';
import { type Check, fail, ok, warn } from './check.ts';

const TIMEOUT_MS = 5_000;
/** What a certificate's backdating covers. */
const TOLERATED_SKEW_SECONDS = 300;

/** The way to one replica of the service, stage by stage: name, port, TLS with a trusted certificate, and this machine's clock beside its. */
export async function checkService(
  url: URL,
  config: Pick<AgentConfig, 'serviceCa'>,
  now: Clock,
): Promise<readonly Check[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port === '' ? 443 : url.port);
  const checks: Check[] = [];
  try {
    checks.push(await checkName(url, host));
    await openPort(host, port);
    checks.push(ok(`port ${url.host}`, 'something listens there'));
    const theirs = await askForTime(url, config.serviceCa, true);
    checks.push(ok(`tls ${url.host}`, 'TLS 1.3, and its certificate was issued by a CA in serviceCaFile'));
    checks.push(describeClock(theirs, now()));
  } catch (error) {
    const fault = connectionFault(error);
    checks.push(fail(`${STAGE_NAME[fault.stage]} ${url.host}`, fault.reason, ADVICE[fault.stage]));
    if (fault.stage === 'tls' && isAboutTime(error))
      checks.push(await checkClockUnverified(url, config.serviceCa, now));
  }
  return checks;
}

const STAGE_NAME: Readonly<Record<ConnectionFault['stage'], string>> = {
  name: 'name',
  connect: 'port',
  tls: 'tls',
  answer: 'answer',
};

const ADVICE: Readonly<Record<ConnectionFault['stage'], string>> = {
  name: 'check the host name in services and this machine’s DNS',
  connect: 'check the port in services, the firewalls between, and that the service runs',
  tls: 'compare serviceCaFile with the CA that issued the service’s certificate, and check this machine’s clock',
  answer: 'check that services names the join service’s node listener',
};

async function checkName(url: URL, host: string): Promise<Check> {
  if (isIP(host) !== 0) return ok(`name ${url.host}`, 'an address, nothing to resolve');
  const { address } = await lookup(host);
  return ok(`name ${url.host}`, `resolves to ${address}`);
}

async function openPort(host: string, port: number): Promise<void> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    // A firewall that drops packets ends here, long before the kernel gives up by itself.
    if (error instanceof Error && error.name === 'AbortError')
      throw Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' });
    throw error;
  } finally {
    socket.destroy();
  }
}

/**
 * The clock's difference when that very difference may be why TLS fails. The time then comes from someone unproven, so it is only ever
 * told, never used: nothing is sent, and nothing else is read.
 */
async function checkClockUnverified(url: URL, ca: string, now: Clock): Promise<Check> {
  try {
    return describeClock(await askForTime(url, ca, false), now());
  } catch {
    return warn('clock', 'the service’s time could not be read', 'check this machine’s clock by hand');
  }
}

/** How far this machine's clock is from the service's. */
export function describeClock(theirs: Date | undefined, ours: Date): Check {
  if (theirs === undefined)
    return warn('clock', 'the service does not say what time it has', 'check this machine’s clock by hand');
  const seconds = Math.round((ours.getTime() - theirs.getTime()) / 1_000);
  const size = Math.abs(seconds);
  if (size <= 2) return ok('clock', 'the same as the service’s');
  const finding = `${renderSkew(theirs, ours)} the service’s`;
  const advice = 'synchronise this machine’s clock (NTP), for certificates are judged by it';
  return size <= TOLERATED_SKEW_SECONDS ? warn('clock', finding, advice) : fail('clock', finding, advice);
}
