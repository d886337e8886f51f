import type { NetConnectOpts } from 'node:net';

import type { Bytes } from '#core/bytes.ts';
import { MAX_FRAME_SIZE } from '#tpm2/commands/frame.ts';
import { mayRetry, responseCode } from '#tpm2/commands/response-code.ts';

import { type Sleep, systemSleep } from '../sleep.ts';
import { type Channel, RESPONSE_HEADER_SIZE } from './channel.ts';
import { TpmDeviceError } from './device-error.ts';
import { openFileChannel } from './file-channel.ts';
import { openSocketChannel } from './socket-channel.ts';

/** A TPM that takes one command at a time. */
export interface TpmDevice extends AsyncDisposable {
  /**
   * The TPM's response to `command`, whatever its response code but "come back later". Commands run one after the other, in the order
   * of the calls. Throws TpmDeviceError; from then on every call does.
   */
  transmit(command: Bytes): Promise<Bytes>;
}

export interface OpenTpmOptions {
  /** For one command. A discrete TPM may search minutes for an RSA key. */
  readonly commandTimeoutMs?: number;
  /** How long to go on asking a TPM that says "come back later". */
  readonly retryForMs?: number;
  readonly sleep?: Sleep;
}

const DEFAULTS = { commandTimeoutMs: 180_000, retryForMs: 60_000, sleep: systemSleep };
const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_BACKOFF_MS = 10;
const LAST_BACKOFF_MS = 1_000;

/**
 * Opens the TPM at `address`: an absolute path (`/dev/tpmrm0`), `swtpm:unix:/path`, `swtpm:host:port` or `swtpm:[v6]:port`.
 * It does not establish that what answers there is a TPM. Throws TpmDeviceError.
 */
export async function openTpm(address: string, options: OpenTpmOptions = {}): Promise<TpmDevice> {
  return new QueuedTpm(await openChannel(address), { ...DEFAULTS, ...options });
}

/** True when `openTpm` knows what kind of address this is. */
export function isTpmAddress(address: string): boolean {
  return address.startsWith('/') || socketAddress(address) !== undefined;
}

/** A device over a channel that is open already. */
export function tpmOver(channel: Channel, options: OpenTpmOptions = {}): TpmDevice {
  return new QueuedTpm(channel, { ...DEFAULTS, ...options });
}

async function openChannel(address: string): Promise<Channel> {
  if (address.startsWith('/')) return openFileChannel(address);
  const where = socketAddress(address);
  if (where === undefined) {
    throw new TpmDeviceError(
      'address-invalid',
      `"${address}" is not a TPM address: /dev/tpmrm0, swtpm:unix:/path or swtpm:host:port`,
    );
  }
  return openSocketChannel(address, where, CONNECT_TIMEOUT_MS);
}

const UNIX_SOCKET = /^swtpm:unix:(?<path>\/.+)$/;
const TCP_SOCKET = /^swtpm:(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9.-]+)):(?<port>[1-9][0-9]{0,4})$/;

function socketAddress(address: string): NetConnectOpts | undefined {
  const path = UNIX_SOCKET.exec(address)?.groups?.['path'];
  if (path !== undefined) return { path };
  const groups = TCP_SOCKET.exec(address)?.groups;
  const host = groups?.['v6'] ?? groups?.['host'];
  const port = Number(groups?.['port']);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

class QueuedTpm implements TpmDevice {
  readonly #channel: Channel;
  readonly #options: Required<OpenTpmOptions>;
  #last: Promise<unknown> = Promise.resolve();
  #failure: TpmDeviceError | undefined;

  constructor(channel: Channel, options: Required<OpenTpmOptions>) {
    this.#channel = channel;
    this.#options = options;
  }

  transmit(command: Bytes): Promise<Bytes> {
    if (command.byteLength < RESPONSE_HEADER_SIZE || command.byteLength > MAX_FRAME_SIZE) {
      throw new RangeError(`a TPM command has 10 to ${MAX_FRAME_SIZE} bytes, not ${command.byteLength}`);
    }
    const result = this.#last.then(() => this.#untilDone(command));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #untilDone(command: Bytes): Promise<Bytes> {
    let waitedMs = 0;
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS)) {
      const response = await this.#exchange(command);
      if (!mustComeBack(response) || waitedMs >= this.#options.retryForMs) return response;
      await this.#options.sleep(backoffMs);
      waitedMs += backoffMs;
    }
  }

  async #exchange(command: Bytes): Promise<Bytes> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await this.#channel.exchange(command, this.#options.commandTimeoutMs);
    } catch (error) {
      if (error instanceof TpmDeviceError) this.#failure = error;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#failure ??= new TpmDeviceError('closed', 'the TPM was closed');
    await this.#channel.close();
  }
}

/** True when the TPM did not carry out the command and wants it again. The channel has checked that there is a whole header. */
function mustComeBack(response: Bytes): boolean {
  const { buffer, byteOffset, byteLength } = response;
  return mayRetry(responseCode(Buffer.from(buffer, byteOffset, byteLength).readUInt32BE(6)));
}
