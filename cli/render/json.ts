/** The value as JSON for programs, two spaces deep, ended by a line break. */
export const renderJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
