/** The server that `BAO_BIN` or `VAULT_BIN` names; undefined, and said loudly, where neither does. */
export function vaultProgram(): string | undefined {
  const { BAO_BIN: bao, VAULT_BIN: vault } = process.env;
  const program = bao ?? vault;
  if (program === undefined) console.warn('SKIPPED: BAO_BIN and VAULT_BIN name no program: its double stands for it');
  return program;
}
