import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

const attribute = z.object({
  type: z.enum(['string_t', 'integer_t', 'long_t', 'boolean_t']).optional(),
  object: z.string().optional(),
  required: z.boolean().default(false),
  enum: z.record(z.string(), z.string()).optional(),
  regex: z.string().optional(),
  maxLength: z.number().optional(),
});
const shape = z.object({
  attributes: z.record(z.string(), attribute),
  constraints: z.object({ at_least_one: z.array(z.string()) }).optional(),
});
const schemaFile = z.object({
  version: z.string(),
  classes: z.record(
    z.string(),
    shape.extend({ caption: z.string(), category: z.object({ uid: z.number(), caption: z.string() }) }),
  ),
  objects: z.record(z.string(), shape),
});
type Shape = z.output<typeof shape>;
type Attribute = z.output<typeof attribute>;

const eventSchema = z.looseObject({
  class_uid: z.number(),
  class_name: z.string(),
  category_uid: z.number(),
  category_name: z.string(),
  activity_id: z.number(),
  activity_name: z.string(),
  type_uid: z.number(),
  type_name: z.string(),
  metadata: z.looseObject({ version: z.string() }),
});

const OTHER = 99;
/** By name of a number's attribute, that of its caption. */
const CAPTIONS = { activity_id: 'activity_name', severity_id: 'severity', status_id: 'status', type_id: 'type' };

const schema = schemaFile.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '../vectors/ocsf/schema-1.6.0.json'), 'utf8')),
);

/** What in `event` is not as OCSF 1.6.0 has it. Empty: a validator would take it. Attributes that our events have no use for count as unknown. */
export function ocsfFaults(event: unknown): readonly string[] {
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success) return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const { data } = parsed;
  const known = schema.classes[String(data.class_uid)];
  if (known === undefined) return [`class_uid: no class ${data.class_uid}`];
  const expected = {
    'metadata.version': [data.metadata.version, schema.version],
    class_name: [data.class_name, known.caption],
    category_uid: [data.category_uid, known.category.uid],
    category_name: [data.category_name, known.category.caption],
    type_uid: [data.type_uid, data.class_uid * 100 + data.activity_id],
    type_name: [data.type_name, `${data.class_name}: ${data.activity_name}`],
  };
  const wrong = Object.entries(expected).filter(([, [is, should]]) => is !== should);
  return [...wrong.map(([name]) => `${name}: not what follows from the rest`), ...shapeFaults(data, known, '')];
}

function shapeFaults(
  value: Readonly<Record<string, unknown>>,
  { attributes, constraints }: Shape,
  at: string,
): string[] {
  const missing = Object.entries(attributes).filter(([name, { required }]) => required && value[name] === undefined);
  const oneOf = constraints?.at_least_one;
  return [
    ...missing.map(([name]) => `${at}${name}: required`),
    ...(oneOf === undefined || oneOf.some((name) => value[name] !== undefined)
      ? []
      : [`${at}: none of ${oneOf.join()}`]),
    ...Object.entries(value).flatMap(([name, member]) => {
      const known = attributes[name];
      return known === undefined
        ? [`${at}${name}: no such attribute`]
        : [...memberFaults(member, known, `${at}${name}`), ...captionFaults(value, name, known, at)];
    }),
  ];
}

function memberFaults(value: unknown, known: Attribute, at: string): string[] {
  if (known.object === 'object') return isRecord(value) ? [] : [`${at}: not an object`];
  if (known.object !== undefined) {
    const inner = schema.objects[known.object];
    if (inner === undefined || !isRecord(value)) return [`${at}: not a ${known.object}`];
    return shapeFaults(value, inner, `${at}.`);
  }
  switch (known.type) {
    case 'integer_t':
    case 'long_t':
      return Number.isSafeInteger(value) ? [] : [`${at}: not an integer`];
    case 'boolean_t':
      return typeof value === 'boolean' ? [] : [`${at}: not a boolean`];
    case 'string_t':
    case undefined:
      return textFaults(value, known, at);
  }
}

function textFaults(value: unknown, { regex, maxLength = Infinity }: Attribute, at: string): string[] {
  if (typeof value !== 'string' || value === '') return [`${at}: not a text`];
  if (value.length > maxLength) return [`${at}: too long`];
  return regex !== undefined && !new RegExp(regex).test(value) ? [`${at}: not of its form`] : [];
}

/** A number is in its list, and the caption beside it is the list's, unless the number says that it is another. */
function captionFaults(
  value: Readonly<Record<string, unknown>>,
  name: string,
  { enum: captions }: Attribute,
  at: string,
): string[] {
  if (captions === undefined) return [];
  const number = value[name];
  const caption = captions[String(number)];
  if (caption === undefined) return [`${at}${name}: not in its list`];
  const sibling = Object.entries(CAPTIONS).find(([id]) => id === name)?.[1];
  if (sibling === undefined) return [];
  const said = value[sibling];
  if (number === OTHER) return typeof said === 'string' ? [] : [`${at}${sibling}: needed where the number is 99`];
  return said === undefined || said === caption ? [] : [`${at}${sibling}: not the number’s caption`];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
