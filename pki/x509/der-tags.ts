/** Identifier octets of the universal types used here (X.690 §8.1.2), constructed bit included. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Identifier octet of `[number]` over a primitive encoding: an IMPLICIT tag on a primitive type. */
export const contextPrimitive = (number: number): number => 0x80 | number;

/** Identifier octet of `[number]` over a constructed encoding: EXPLICIT, or IMPLICIT on a SEQUENCE or SET. */
export const contextConstructed = (number: number): number => 0xa0 | number;
