import { spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';

import { type Bytes, fromBase64Url, toBase64Url, utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';

import type { AssertionRequest, MadeCredential, SecurityKeyDevice, SignedAssertion } from './security-key.ts';

/** Where the programs are found: by their names, unless a test has others. */
export type ProgramPath = (name: 'fido2-token' | 'fido2-assert' | 'fido2-cred') => string;

const OUTPUT_MAX_BYTES = 65_536;

/** The security key that is plugged in, through the fido2-tools of libfido2. They ask for the PIN at the terminal themselves. */
export function fido2Tools(path: ProgramPath = (name) => name): SecurityKeyDevice {
  const run = (name: Parameters<ProgramPath>[0], args: readonly string[], lines: readonly string[], quiet = false) =>
    runProgram(path(name), args, lines.map((line) => `${line}\n`).join(''), quiet);

  const devices = async (): Promise<readonly string[]> => {
    const { out } = await run('fido2-token', ['-L'], []);
    const found = out.split('\n').flatMap((line) => /^(\S+): /.exec(line)?.[1] ?? []);
    if (found.length > 0) return found;
    throw new CommandFailure(EXIT.refused, 'no security key is plugged in', 'Plug it in, and try again.');
  };

  const assertWith = async (
    device: string,
    credential: string,
    { clientDataHash, relyingParty }: AssertionRequest,
  ): Promise<SignedAssertion | undefined> => {
    const input = [base64(clientDataHash), relyingParty, base64(fromBase64Url(credential))];
    // Asked without a touch first: only the key that has the credential is to blink.
    const has = await run('fido2-assert', ['-G', '-t', 'up=false', device], input, true);
    if (has.code !== 0) return undefined;
    const { code, out } = await run('fido2-assert', ['-G', '-p', '-v', device], input);
    if (code !== 0) throw new CommandFailure(EXIT.refused, 'the security key did not sign', 'Nothing was changed.');
    const [, , authenticatorData = '', signature = ''] = out.split('\n');
    return {
      credential,
      authenticatorData: cborBytes(Buffer.from(authenticatorData, 'base64')),
      signature: Buffer.from(signature, 'base64'),
    };
  };

  return {
    assert: async (request) => {
      for (const device of await devices()) {
        for (const credential of request.credentials) {
          const signed = await assertWith(device, credential, request);
          if (signed !== undefined) return signed;
        }
      }
      throw new CommandFailure(
        EXIT.refused,
        'no security key that is plugged in is registered for you',
        'Plug in the one that is. `muster admin keys add` makes another; whoever keeps the list of administrators registers it.',
      );
    },
    create: async ({ relyingParty, person }) => {
      const [device = ''] = await devices();
      const hash = base64(sha256(systemRandom(32)));
      const made = await run(
        'fido2-cred',
        ['-M', '-v', device],
        [hash, relyingParty, person, base64(sha256(utf8(person)))],
      );
      const shown = made.code === 0 ? await run('fido2-cred', ['-V', '-v'], [made.out.trimEnd()]) : made;
      if (shown.code !== 0) throw new CommandFailure(EXIT.refused, 'the security key made no key');
      return readCredential(shown.out);
    },
  };
}

/** The credential id, then its public key in PEM: what `fido2-cred -V` prints. */
function readCredential(out: string): MadeCredential {
  const end = out.indexOf('\n');
  const key = createPublicKey(out.slice(end + 1));
  return {
    credentialId: toBase64Url(Buffer.from(out.slice(0, end), 'base64')),
    publicKey: key.export({ format: 'der', type: 'spki' }),
  };
}

/** The content of a CBOR byte string of 24 to 255 bytes: fido2-assert prints authenticator data in that wrapping. */
function cborBytes(bytes: Bytes): Bytes {
  if (bytes[0] === 0x58 && bytes[1] === bytes.byteLength - 2) return bytes.subarray(2);
  throw new CommandFailure(EXIT.internal, 'fido2-assert printed authenticator data of another form');
}

const base64 = (bytes: Bytes): string => Buffer.from(bytes).toString('base64');

function runProgram(
  program: string,
  args: readonly string[],
  input: string,
  quiet: boolean,
): Promise<{ readonly code: number; readonly out: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; out: string }>();
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', quiet ? 'ignore' : 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    if (out.length > OUTPUT_MAX_BYTES) child.kill();
  });
  // A program that ends before it has read is told from its exit code.
  child.stdin.on('error', () => undefined);
  child.once('error', () => {
    reject(
      new CommandFailure(
        EXIT.configuration,
        `${program} cannot be run`,
        'Security keys are reached through it: install fido2-tools (Debian and Ubuntu: apt install fido2-tools).',
      ),
    );
  });
  child.once('close', (code) => resolve({ code: code ?? 1, out }));
  child.stdin.end(input);
  return promise;
}
