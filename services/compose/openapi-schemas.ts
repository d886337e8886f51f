import { z } from 'zod';

export type Json = { readonly [name: string]: unknown };

const withDefinitions = z.looseObject({ $defs: z.record(z.string(), z.unknown()).default({}) });

/** JSON Schemas of one OpenAPI document. What several of them refer to, or one to itself, becomes a component. */
export class OpenApiSchemas {
  readonly #names = new Map<string, string>();

  /** The schema as what is on the wire must match it: before anything is transformed. */
  of(schema: z.ZodType): Json {
    const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    const { $schema: _, $defs: definitions, ...rest } = withDefinitions.parse(made);
    let text = JSON.stringify(rest);
    for (const [name, definition] of Object.entries(definitions)) {
      text = text.replaceAll(`"#/$defs/${name}"`, `"#/components/schemas/${this.#componentOf(name, definition)}"`);
    }
    return toJson(text);
  }

  /** The components that the schemas made so far refer to. */
  components(): Json {
    return Object.fromEntries(
      [...this.#names].map(([text, name]) => [name, toJson(text.replaceAll('"#"', `"#/components/schemas/${name}"`))]),
    );
  }

  /** Equal definitions are one component. A definition here refers to itself at most. */
  #componentOf(local: string, definition: unknown): string {
    const asItself = JSON.stringify(definition).replaceAll(`"#/$defs/${local}"`, '"#"');
    const known = this.#names.get(asItself);
    if (known !== undefined) return known;
    const name = `Shared${this.#names.size + 1}`;
    this.#names.set(asItself, name);
    return name;
  }
}

const toJson = (text: string): Json => z.looseObject({}).parse(JSON.parse(text));
