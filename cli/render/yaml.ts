import { stringify } from 'yaml';

/** The value as one YAML document, without anchors, in the member order it has. */
export const renderYaml = (value: unknown): string =>
  stringify(value, { aliasDuplicateObjects: false, lineWidth: 120 });
