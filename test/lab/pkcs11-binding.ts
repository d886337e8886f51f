/** True where `scripts/build-pkcs11` has compiled the binding. */
export async function isBindingBuilt(): Promise<boolean> {
  try {
    await import('pkcs11js');
    return true;
  } catch {
    return false;
  }
}
