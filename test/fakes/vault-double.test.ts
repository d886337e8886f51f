import { keyServerContract } from '#test/contract/key-server.contract.ts';

import { VaultDouble } from './vault-double.ts';

keyServerContract('the double of a Vault server', async () => {
  const double = await VaultDouble.start();
  return {
    address: double.address,
    ca: double.ca,
    roleId: double.roleId,
    secretId: double.secretId,
    addKeyVersion: async (name, options) => double.addKeyVersion(name, options),
    forgetTokens: async () => double.forgetTokens(),
    seal: async () => {
      double.sealed = true;
    },
    unseal: async () => {
      double.sealed = false;
    },
    [Symbol.asyncDispose]: () => double[Symbol.asyncDispose](),
  };
});
