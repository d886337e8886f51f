/** What EV_EFI_ACTION events say, to the byte (PC Client Platform Firmware Profile §10.4.4). */
export const EFI_ACTION = {
  callingApplication: 'Calling EFI Application from Boot Option',
  returningFromApplication: 'Returning from EFI Application from Boot Option',
  exitBootServicesInvocation: 'Exit Boot Services Invocation',
  exitBootServicesFailed: 'Exit Boot Services Returned with Failure',
  exitBootServicesSucceeded: 'Exit Boot Services Returned with Success',
  debugMode: 'UEFI Debug Mode',
  dmaProtectionDisabled: 'DMA Protection Disabled',
} as const;
