import { concatBytes, toHex, utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';

import type { BootFacts } from './boot-facts.ts';
import { factResult, type FactResult, listed, notVerified } from './fact-result.ts';
import { loadOptionsDigests } from './grub-facts.ts';

const COMMAND_LINE = { fact: 'command-line', code: 'command-line-refused', pcr: 8 } as const;
const GRUB_COMMANDS = { fact: 'grub-commands', code: 'grub-command-refused', pcr: 8 } as const;

type CommandLinePolicy = NonNullable<MeasuredBootPolicy['commandLines']>;

/**
 * The demand on the kernel's command line: exactly one is proven, by GRUB's measurements or systemd-stub's, and the policy has it whole or
 * all its words. Where neither measured one, the image's own or the load options count if their digest is that of a whole line.
 */
export function appraiseCommandLine(facts: BootFacts, { commandLines }: MeasuredBootPolicy): readonly FactResult[] {
  if (commandLines === undefined) return [];
  const wanted = listed([...commandLines.exact.map((line) => `‘${line}’`), ...renderTokens(commandLines)]);
  const lines = provenCommandLines(facts);
  if (lines === undefined) return [notVerified(COMMAND_LINE, wanted)];
  const [line] = lines;
  if (line === undefined) {
    const known = commandLines.exact.find((text) => isMeasuredByDigest(text, facts));
    return [factResult(COMMAND_LINE, { wanted, found: known ?? 'none is proven', ok: known !== undefined })];
  }
  const ok = lines.length === 1 && isAllowed(line, commandLines);
  return [factResult(COMMAND_LINE, { wanted, found: listed(lines.map((text) => `‘${text}’`)), ok })];
}

/** The command lines in PCRs 8 and 12; undefined unless both are verified. */
export function provenCommandLines({ grub, uki }: BootFacts): readonly string[] | undefined {
  if (grub === undefined || uki.commandLines === undefined) return undefined;
  return [...grub.commandLines, ...uki.commandLines];
}

function renderTokens({ tokens, requiredTokens }: CommandLinePolicy): readonly string[] {
  if (tokens.length === 0) return [];
  return [`words of: ${tokens.join(' ')}${requiredTokens.length > 0 ? `, with: ${requiredTokens.join(' ')}` : ''}`];
}

function isAllowed(line: string, { exact, tokens, requiredTokens }: CommandLinePolicy): boolean {
  if (exact.includes(line)) return true;
  const words = line.split(/[ \t\n]+/).filter((word) => word !== '');
  return (
    words.length > 0 &&
    words.every((word) => tokens.includes(word)) &&
    requiredTokens.every((word) => words.includes(word))
  );
}

/** `line` is the image's own command line, or what the first event of PCR 9 says the kernel was started with. */
function isMeasuredByDigest(line: string, { bank, uki, loaderFiles }: BootFacts): boolean {
  const own = uki.image?.sections.filter(({ name }) => name === '.cmdline') ?? [];
  const endings = ['', '\n', '\0'].map((end) => toHex(digest(bank, concatBytes(utf8(line), utf8(end)))));
  if (own.length > 0) return own.length === 1 && own.every((section) => endings.includes(section.digest));
  const first = loaderFiles?.[0]?.digest;
  return first !== undefined && loadOptionsDigests(line, bank).includes(first);
}

/** The demand on GRUB's commands: the policy has each of them whole. */
export function appraiseGrubCommands({ grub }: BootFacts, { grubCommands }: MeasuredBootPolicy): readonly FactResult[] {
  if (grubCommands === undefined) return [];
  const wanted = `none but ${grubCommands.length} known ones`;
  if (grub === undefined) return [notVerified(GRUB_COMMANDS, wanted)];
  const known = new Set(grubCommands);
  const unknown = grub.commands.filter((command) => !known.has(command));
  return [factResult(GRUB_COMMANDS, { wanted, found: `unknown: ${listed(unknown)}`, ok: unknown.length === 0 })];
}
