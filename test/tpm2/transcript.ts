import { fromHex } from '#core/bytes.ts';
import { vectorJson } from '#test/lab/vectors.ts';

/** One command that a real TPM answered. */
export interface Exchange {
  readonly name: string;
  readonly command: Uint8Array;
  readonly response: Uint8Array;
  readonly rc: number;
}

/** The exchanges of a recorded session with swtpm. */
export function transcript(name: 'tpm2-transcript' | 'tpmB-transcript'): readonly Exchange[] {
  const file = vectorJson<{ commands: { name: string; cmd: string; rsp: string; rc: string }[] }>(
    `generated-swtpm/${name}.json`,
  );
  return file.commands.map(({ name, cmd, rsp, rc }) => ({
    name,
    command: fromHex(cmd),
    response: fromHex(rsp),
    rc: Number(rc),
  }));
}
