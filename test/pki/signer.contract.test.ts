import { Secret } from '#core/secret.ts';
import { systemRandom } from '#core/random.ts';
import { utf8 } from '#core/bytes.ts';
import { sealKey } from '#pki/key-file.ts';
import { openPkcs11Session } from '#pki/pkcs11/session.ts';
import type { ManagedSigner } from '#pki/signer.ts';
import { managedSigner, openKeyFile } from '#pki/signer-file.ts';
import { pkcs11Signer } from '#pki/signer-pkcs11.ts';
import type { KeyServerUnderTest } from '#test/contract/key-server.contract.ts';
import { signerContract } from '#test/contract/signer.contract.ts';
import { VaultDouble } from '#test/fakes/vault-double.ts';
import { vaultProgram } from '#test/key-server/config.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { isBindingBuilt } from '#test/lab/pkcs11-binding.ts';
import { labToken, softHsmModule } from '#test/lab/softhsm.ts';
import { startVaultServer } from '#test/lab/vault-server.ts';
import { type LabKeyServer, labVaultSigner } from '#test/lab/vault-signer.ts';

const KEY_NAME = 'muster-ca-contract';

signerContract('a sealed file', async () => {
  const passphrase = new Secret(utf8('a passphrase of the laboratory'));
  const sealed = await sealKey(labKey(), passphrase, { label: 'contract', random: systemRandom });
  return managedSigner(await openKeyFile(sealed, passphrase));
});

/** A signer that takes its server along when it is disposed of. */
async function over(
  server: LabKeyServer & Pick<KeyServerUnderTest, 'addKeyVersion'> & AsyncDisposable,
): Promise<ManagedSigner> {
  const publicKeyPem = await server.addKeyVersion(KEY_NAME);
  const signer = await labVaultSigner(server, { keyName: KEY_NAME, publicKeyPem });
  return {
    ...signer,
    [Symbol.asyncDispose]: async () => {
      await signer[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

signerContract('the double of a Vault server', async () => {
  const double = await VaultDouble.start();
  const { address, ca, roleId, secretId } = double;
  return over({
    address,
    ca,
    roleId,
    secretId,
    addKeyVersion: async (name, options) => double.addKeyVersion(name, options),
    [Symbol.asyncDispose]: () => double[Symbol.asyncDispose](),
  });
});

const program = vaultProgram();
signerContract(
  'a real Vault or OpenBao server (BAO_BIN, VAULT_BIN)',
  program === undefined ? undefined : async () => over(await startVaultServer(program)),
);

const modulePath = softHsmModule();
const hasToken = modulePath !== undefined && (await isBindingBuilt());
signerContract(
  'a PKCS #11 token (softhsm2, scripts/build-pkcs11)',
  hasToken
    ? async () => {
        const token = labToken(modulePath);
        await token.generateKey('issuing');
        const session = await openPkcs11Session(token, 'issuing');
        session.close();
        const signer = pkcs11Signer({ ...token, keyLabel: 'issuing', spki: session.spki });
        return {
          ...signer,
          [Symbol.asyncDispose]: async () => {
            await signer[Symbol.asyncDispose]();
            token[Symbol.dispose]();
          },
        };
      }
    : undefined,
);
