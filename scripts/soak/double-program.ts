import { createInterface } from 'node:readline';

import { VaultDouble } from '#test/fakes/vault-double.ts';

/**
 * A program: the double of a key server with one key, named by the argument. Says where it is on its first line; on a line `seal` or `unseal`
 * it does that and says so. It ends with whoever started it.
 */
const double = await VaultDouble.start();
const publicKeyPem = double.addKeyVersion(process.argv[2] ?? '');
const say = (what: object): void => {
  process.stdout.write(`${JSON.stringify(what)}\n`);
};
const { address, ca, roleId, secretId } = double;
say({ address, ca, roleId, secretId, publicKeyPem });
createInterface({ input: process.stdin })
  .on('line', (line) => {
    double.sealed = line === 'seal';
    say({ sealed: double.sealed });
  })
  .on('close', () => process.exit());
