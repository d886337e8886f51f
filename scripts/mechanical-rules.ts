import { codeOnly, lineAt, type SourceFile } from './source-files.ts';

interface Rule {
  readonly what: string;
  readonly pattern: RegExp;
  /** Files that the rule is about. */
  readonly applies: (path: string) => boolean;
}

const isProduct = (path: string): boolean => /^(?:core|tpm2|protocol|pki|attestation|services|agent|cli)\//.test(path);
const isMain = (path: string): boolean => /(?:^|\/)main\.ts$/.test(path);
const isToolConfig = (path: string): boolean => /^[^/]+\.config\.ts$/.test(path);
const only =
  (...homes: readonly string[]) =>
  (path: string): boolean =>
    isProduct(path) && !homes.includes(path);

/** Rules that a search of the code decides: strings and comments are not searched. */
const RULES: readonly Rule[] = [
  { what: 'no `export *`', pattern: /\bexport\s*\*/g, applies: () => true },
  { what: 'no default exports', pattern: /\bexport\s+default\b/g, applies: (path) => !isToolConfig(path) },
  {
    what: 'the time is read in core/clock.ts and main.ts only: take a Clock',
    pattern: /\bDate\.now\b|\bnew\s+Date\(\s*\)/g,
    applies: (path) => isProduct(path) && path !== 'core/clock.ts' && !isMain(path),
  },
  {
    what: 'random bytes come from core/random.ts: take a RandomSource',
    pattern: /\b(?:randomBytes|randomUUID|randomInt|randomFillSync|getRandomValues)\b|\bMath\.random\b/g,
    applies: only('core/random.ts'),
  },
  {
    what: 'the environment is read in config.ts only',
    pattern: /\bprocess\.env\b/g,
    applies: (path) => isProduct(path) && !path.endsWith('/config.ts'),
  },
  {
    what: 'mintAdmission is called in attestation/appraise.ts only',
    pattern: /\bmintAdmission\b/g,
    applies: only('core/admission.ts', 'attestation/appraise.ts'),
  },
  {
    what: 'redeemAdmission is called in pki/issuer.ts only',
    pattern: /\bredeemAdmission\b/g,
    applies: only('core/admission.ts', 'pki/issuer.ts'),
  },
  {
    what: 'a brand is minted in core/ids.ts only',
    pattern:
      /\bas\s+(?:NodeName|NodeId|PoolName|RequestId|Serial|EkFingerprint|SpkiFingerprint|CertificateFingerprint|TicketId|Admission)\b(?!\s*[,}])/g,
    applies: only('core/ids.ts', 'core/admission.ts'),
  },
  { what: 'no `any`', pattern: /(?::|\bas|<)\s*any\b/g, applies: isProduct },
];

/** The mechanical rules of `docs/decisions` that `file` breaks. */
export function findMechanicalFaults(file: SourceFile): readonly { path: string; line: number; what: string }[] {
  const { path } = file;
  const code = codeOnly(file.text);
  const named = /(?:^|\/)index\.ts$/.test(path) ? [{ path, line: 1, what: 'no file is named index.ts' }] : [];
  const found = RULES.filter((rule) => rule.applies(path)).flatMap((rule) =>
    [...code.matchAll(rule.pattern)].map((match) => ({ path, line: lineAt(code, match.index), what: rule.what })),
  );
  return [...named, ...found];
}
