import { keyServerContract } from '#test/contract/key-server.contract.ts';
import { startVaultServer } from '#test/lab/vault-server.ts';

import { vaultProgram } from './config.ts';

const program = vaultProgram();

keyServerContract(
  'a real Vault or OpenBao server (BAO_BIN, VAULT_BIN)',
  program === undefined ? undefined : () => startVaultServer(program),
);
