// Controls, format characters (bidirectional overrides, zero-width ones), line separators and lone surrogates: what could move the
// cursor, recolour, hide or reorder a line.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * `text` with every character that a terminal would act on shown as an escape. Everything in a table passes through here: a refused
 * stranger chose some of it.
 */
export function safeText(text: string): string {
  return text.replace(UNSAFE, (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}
