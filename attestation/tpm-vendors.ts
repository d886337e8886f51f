/** A maker of TPMs as the TCG TPM Vendor ID Registry (version 1.07) lists it, and what this system knows of it besides. */
export interface TpmVendor {
  /** As in tcg-at-tpmManufacturer: `id:` and the four ASCII bytes of the vendor id in upper-case hex. */
  readonly id: string;
  readonly name: string;
  /**
   * Organisation names (X.520 O) of certificate authorities that certify this maker's TPMs and no other's, so that a maker's key which
   * signs a certificate in a competitor's name is found out.
   */
  readonly organizations?: readonly string[];
  /** A TPM made of software: its keys are as safe as the machine it runs on. */
  readonly software?: true;
}

const VENDORS: readonly TpmVendor[] = [
  { id: 'id:414D4400', name: 'AMD', organizations: ['Advanced Micro Devices', 'Advanced Micro Devices Inc.'] },
  { id: 'id:414E5400', name: 'Ant Group' },
  { id: 'id:41544D4C', name: 'Atmel' },
  { id: 'id:4252434D', name: 'Broadcom' },
  { id: 'id:4353434F', name: 'Cisco' },
  { id: 'id:464C5953', name: 'Flyslice Technologies' },
  { id: 'id:524F4343', name: 'Fuzhou Rockchip' },
  { id: 'id:474F4F47', name: 'Google', organizations: ['Google LLC'] },
  { id: 'id:48504900', name: 'HPI' },
  { id: 'id:48504500', name: 'HPE' },
  { id: 'id:48495349', name: 'Huawei' },
  // IBM's own id, and its PCI vendor id by which libtpms and swtpm go: both makers of software TPMs.
  { id: 'id:49424D00', name: 'IBM', software: true },
  { id: 'id:00001014', name: 'libtpms (IBM)', software: true },
  { id: 'id:49465800', name: 'Infineon', organizations: ['Infineon Technologies AG'] },
  { id: 'id:494E5443', name: 'Intel', organizations: ['Intel Corporation'] },
  { id: 'id:4C454E00', name: 'Lenovo' },
  // The reference simulator and the hypervisor's TPM. Refusing a hardware part that shares the id is the safe mistake.
  { id: 'id:4D534654', name: 'Microsoft', software: true },
  { id: 'id:4E534D20', name: 'National Semiconductor' },
  {
    id: 'id:4E545A00',
    name: 'Nationz',
    organizations: ['Nationz Technologies Inc', 'NSING Technologies Pte. Ltd.'],
  },
  { id: 'id:4E534700', name: 'NSING', organizations: ['NSING Technologies Pte. Ltd.'] },
  { id: 'id:4E544300', name: 'Nuvoton', organizations: ['Nuvoton Technology Corporation'] },
  { id: 'id:51434F4D', name: 'Qualcomm' },
  { id: 'id:534D534E', name: 'Samsung' },
  { id: 'id:5345414C', name: 'Wisekey' },
  { id: 'id:53454345', name: 'SecEdge' },
  { id: 'id:534E5300', name: 'Sinosun' },
  { id: 'id:534D5343', name: 'SMSC' },
  { id: 'id:53544D20', name: 'STMicroelectronics', organizations: ['STMicroelectronics NV'] },
  { id: 'id:54584E00', name: 'Texas Instruments' },
  { id: 'id:57454300', name: 'Winbond' },
];

const BY_ID: ReadonlyMap<string, TpmVendor> = new Map(VENDORS.map((vendor) => [vendor.id, vendor]));

const EXCLUSIVE: ReadonlySet<string> = new Set(VENDORS.flatMap((vendor) => vendor.organizations ?? []));

/** The vendor that a tcg-at-tpmManufacturer value names; hex digits of either case. Undefined if it is not a known vendor. */
export function tpmVendor(manufacturer: string): TpmVendor | undefined {
  const digits = /^id:([0-9A-Fa-f]{8})$/.exec(manufacturer)?.[1];
  return digits === undefined ? undefined : BY_ID.get(`id:${digits.toUpperCase()}`);
}

/**
 * True when a certificate authority of these organisations may certify a TPM of `vendor`: it is the vendor's own, or it is no maker's
 * own (a common root such as GlobalSign's, or an operator's).
 */
export function mayCertify(organizations: readonly string[], vendor: TpmVendor): boolean {
  return organizations.every((name) => !EXCLUSIVE.has(name) || vendor.organizations?.includes(name) === true);
}
