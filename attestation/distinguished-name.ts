import { toHex } from '#core/bytes.ts';
import { attributeText } from '#pki/x509/directory-string.ts';
import type { Name, NameAttribute } from '#pki/x509/name.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [ATTRIBUTE.commonName, 'CN'],
  [ATTRIBUTE.locality, 'L'],
  [ATTRIBUTE.state, 'ST'],
  [ATTRIBUTE.organization, 'O'],
  [ATTRIBUTE.organizationalUnit, 'OU'],
  [ATTRIBUTE.country, 'C'],
  [ATTRIBUTE.domainComponent, 'DC'],
]);

/** A distinguished name as text for people (RFC 4514): most specific part first, special and control characters escaped. Never to be compared. */
export function renderName(name: Name): string {
  return name.rdns
    .toReversed()
    .map((rdn) => rdn.map(renderAttribute).join('+'))
    .join(',');
}

function renderAttribute(attribute: NameAttribute): string {
  const type = SHORT_NAMES.get(attribute.type) ?? attribute.type;
  const text = attributeText(attribute);
  return `${type}=${text === undefined ? `#${toHex(attribute.value)}` : escapeText(text)}`;
}

/** RFC 4514 §2.4; control characters as hex pairs, so that a name cannot break a line of a log. */
function escapeText(text: string): string {
  return text
    .replaceAll(/[\\"+,;<>=]/g, (character) => `\\${character}`)
    .replace(/^[ #]| $/g, (character) => `\\${character}`)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
      [...Buffer.from(character, 'utf8')].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join(''),
    );
}
