import { z } from 'zod';

/** A JSON Schema, as far as these pages look into one. */
const nodeSchema = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
});
type SchemaNode = z.output<typeof nodeSchema>;

interface Row {
  readonly path: string;
  readonly type: string;
  readonly otherwise: string;
  readonly meaning: string;
}

/** A table of every member of what `schema` takes. What stands at several places alike is told at the first of them. */
export function schemaTable(schema: z.ZodType): string {
  const root = nodeSchema.parse(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  const lines = new TableRows()
    .of(root, '')
    .map(({ path, type, otherwise, meaning }) => `| ${path} | ${type} | ${otherwise} | ${meaning} |`);
  return `| Member | Type | Default | Meaning |\n|---|---|---|---|\n${lines.join('\n')}`;
}

/** From so many members on, an object that was told before is not told again. */
const WORTH_A_REFERENCE = 4;

class TableRows {
  /** By its schema, where an object was told first. */
  readonly #told = new Map<string, string>();

  /** The members of an object. */
  of(node: SchemaNode, prefix: string): readonly Row[] {
    return Object.entries(node.properties ?? {}).flatMap(([name, raw]) => {
      const member = nodeSchema.parse(raw);
      const path = `${prefix}${name}`;
      const row = { path: code(path), ...describe(member, node.required?.includes(name) ?? false) };
      const below = this.#below(member, path);
      if (below.length < WORTH_A_REFERENCE) return [row, ...below];
      const schema = JSON.stringify(member);
      const first = this.#told.get(schema);
      if (first !== undefined) return [{ ...row, meaning: `${row.meaning} As ${code(first)}.`.trim() }];
      this.#told.set(schema, path);
      return [row, ...below];
    });
  }

  /** The members of an object, of a list's elements, of a record's values, or of each alternative. */
  #below(member: SchemaNode, path: string): readonly Row[] {
    const { items, additionalProperties: values } = member;
    return [
      ...this.of(member, `${path}.`),
      ...this.#alternatives(member, path),
      ...(items === undefined ? [] : this.#below(nodeSchema.parse(items), `${path}[]`)),
      ...(typeof values === 'object' && values !== null ? this.#below(nodeSchema.parse(values), `${path}.<name>`) : []),
    ];
  }

  /** Each kind's members under a line that says which kind it is. */
  #alternatives(member: SchemaNode, path: string): readonly Row[] {
    const alternatives = alternativesOf(member).filter(({ properties }) => properties !== undefined);
    return alternatives.flatMap((alternative) => {
      const kinds = alternatives.length > 1 ? kindOf(alternative) : [];
      const head = kinds.map(({ name, value, meaning }) => ({
        path: `**${code(path)}, ${code(`${name}: ${value}`)}**`,
        type: '',
        otherwise: '',
        meaning,
      }));
      const named = new Set(kinds.map(({ name }) => name));
      const properties = Object.entries(alternative.properties ?? {}).filter(([name]) => !named.has(name));
      return [...head, ...this.of({ ...alternative, properties: Object.fromEntries(properties) }, `${path}.`)];
    });
  }
}

const alternativesOf = ({ anyOf = [], oneOf = [] }: SchemaNode): readonly SchemaNode[] =>
  [...anyOf, ...oneOf].map((raw) => nodeSchema.parse(raw));

interface Kind {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
}

/** The members whose one value says which alternative it is. */
const kindOf = ({ properties = {} }: SchemaNode): readonly Kind[] =>
  Object.entries(properties).flatMap(([name, raw]) => {
    const { const: value, description: meaning = '' } = nodeSchema.parse(raw);
    return typeof value === 'string' ? [{ name, value, meaning: escapePipes(meaning) }] : [];
  });

function describe(member: SchemaNode, isRequired: boolean): Omit<Row, 'path'> {
  const hasDefault = member.default !== undefined && JSON.stringify(member.default) !== '{}';
  const otherwise = hasDefault ? `\`${JSON.stringify(member.default)}\`` : isRequired ? '' : 'optional';
  return { type: typeOf(member), otherwise, meaning: escapePipes(member.description ?? '') };
}

function typeOf(member: SchemaNode): string {
  if (member.const !== undefined) return code(member.const);
  if (member.enum !== undefined) return member.enum.map(code).join(', ');
  if (member.type === 'array') return `list of ${typeOf(nodeSchema.parse(member.items ?? {}))}`;
  const alternatives = alternativesOf(member).map(typeOf);
  if (alternatives.length > 0) return [...new Set(alternatives)].join(' or ');
  return member.type ?? 'string';
}

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

const escapePipes = (text: string): string => text.replaceAll('|', '\\|');
