import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ProgramPath } from '#cli/fido2-tools.ts';

/** The three programs of fido2-tools, as far as their manual pages say what they read and print, over a key in a file. */
export interface Fido2Programs extends Disposable {
  readonly path: ProgramPath;
  /** What was asked of them, one line for each run: the program's name and its arguments. */
  readonly calls: () => readonly string[];
  readonly plug: (isPlugged: boolean) => void;
}

const SOURCE = `
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
const folder = import.meta.dirname;
const [name, ...args] = process.argv.slice(2);
appendFileSync(folder + '/calls', [name, ...args].join(' ') + '\\n');
const lines = name === 'fido2-token' ? [] : readFileSync(0, 'utf8').split('\\n');
const sha256 = (data) => createHash('sha256').update(data).digest();
const file = folder + '/key';
if (name === 'fido2-token') {
  if (existsSync(folder + '/plugged')) console.log('/dev/hidraw7: vendor=0x1050, product=0x0407 (Lab Key)');
} else if (name === 'fido2-cred' && args[0] === '-M') {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  console.log([lines[0], lines[1], 'packed', 'AAAA', 'Y3JlZGVudGlhbA==', 'AAAA'].join('\\n'));
} else if (name === 'fido2-cred') {
  console.log(lines[4]);
  process.stdout.write(createPublicKey(readFileSync(file)).export({ format: 'pem', type: 'spki' }));
} else {
  const [hash, relyingParty, credential] = lines;
  if (credential !== 'Y3JlZGVudGlhbA==') process.exit(1);
  const isTouched = args.includes('-p') && args.includes('-v');
  const data = Buffer.concat([sha256(relyingParty), Buffer.from([isTouched ? 5 : 0, 0, 0, 0, 9])]);
  const signature = sign('sha256', Buffer.concat([data, Buffer.from(hash, 'base64')]), readFileSync(file));
  const wrapped = Buffer.concat([Buffer.from([0x58, data.length]), data]);
  console.log([hash, relyingParty, wrapped.toString('base64'), signature.toString('base64')].join('\\n'));
}
`;

export function fido2Programs(): Fido2Programs {
  const folder = mkdtempSync(join(tmpdir(), 'muster-fido2-'));
  const plugged = join(folder, 'plugged');
  writeFileSync(join(folder, 'program.mjs'), SOURCE);
  writeFileSync(plugged, '');
  writeFileSync(join(folder, 'calls'), '');
  for (const name of ['fido2-token', 'fido2-assert', 'fido2-cred']) {
    const program = join(folder, name);
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${folder}/program.mjs' ${name} "$@"\n`);
    chmodSync(program, 0o755);
  }
  return {
    path: (name) => join(folder, name),
    calls: () => readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n'),
    plug: (isPlugged) => (isPlugged ? writeFileSync(plugged, '') : rmSync(plugged)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
