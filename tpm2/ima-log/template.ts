/** A field of an IMA template (Linux, security/integrity/ima/ima_template_lib.c). */
export type ImaField =
  | 'd'
  | 'd-ng'
  | 'd-ngv2'
  | 'n'
  | 'n-ng'
  | 'sig'
  | 'buf'
  | 'd-modsig'
  | 'modsig'
  | 'evmsig'
  | 'xattrnames'
  | 'xattrlengths'
  | 'xattrvalues'
  | 'iuid'
  | 'igid'
  | 'imode';

const FIELDS: ReadonlySet<string> = new Set<ImaField>([
  'd',
  'd-ng',
  'd-ngv2',
  'n',
  'n-ng',
  'sig',
  'buf',
  'd-modsig',
  'modsig',
  'evmsig',
  'xattrnames',
  'xattrlengths',
  'xattrvalues',
  'iuid',
  'igid',
  'imode',
]);

/** Templates by name. The legacy one, `ima`, is not here: it has no lengths in its data and hashes with SHA-1 only. */
const TEMPLATES: ReadonlyMap<string, readonly ImaField[] | undefined> = new Map(
  Object.entries({
    'ima-ng': 'd-ng|n-ng',
    'ima-sig': 'd-ng|n-ng|sig',
    'ima-ngv2': 'd-ngv2|n-ng',
    'ima-sigv2': 'd-ngv2|n-ng|sig',
    'ima-buf': 'd-ng|n-ng|buf',
    'ima-modsig': 'd-ng|n-ng|sig|d-modsig|modsig',
    'evm-sig': 'd-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode',
  }).map(([name, format]) => [name, parseFormat(format)]),
);

/**
 * The fields, in order, of the template called `name`: one of the kernel's, or one that the kernel's command line defined by listing its
 * fields, which is then its name. Undefined for any other name, for a field that comes twice, and for the legacy template `ima`.
 */
export function templateFields(name: string): readonly ImaField[] | undefined {
  return TEMPLATES.get(name) ?? parseFormat(name);
}

function parseFormat(format: string): readonly ImaField[] | undefined {
  const fields = format.split('|');
  return fields.every(isField) && new Set(fields).size === fields.length ? fields : undefined;
}

function isField(text: string): text is ImaField {
  return FIELDS.has(text);
}
