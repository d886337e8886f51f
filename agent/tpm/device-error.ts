/** Why a TPM could not be spoken to. */
export type TpmDeviceFault =
  | 'address-invalid'
  | 'not-found'
  | 'not-permitted'
  | 'busy'
  | 'unreachable'
  | 'timeout'
  | 'closed'
  | 'bad-response';

/** The way to the TPM failed: nothing is known about what the TPM did with the command, if it got one. */
export class TpmDeviceError extends Error {
  readonly fault: TpmDeviceFault;

  constructor(fault: TpmDeviceFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TpmDeviceError';
    this.fault = fault;
  }
}

/** The error for a system call on `address` that failed. */
export function deviceErrorOf(address: string, cause: unknown): TpmDeviceError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENXIO':
    case 'ENODEV':
      return new TpmDeviceError('not-found', `there is no TPM at ${address}`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new TpmDeviceError('not-permitted', `no permission to use the TPM at ${address}`, { cause });
    case 'EBUSY':
      return new TpmDeviceError('busy', `another program holds the TPM at ${address}`, { cause });
    default:
      return new TpmDeviceError('unreachable', `the TPM at ${address} cannot be reached (${String(code ?? cause)})`, {
        cause,
      });
  }
}
