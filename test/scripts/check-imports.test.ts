import { describe, expect, test } from 'vitest';

import { findFaults } from '#scripts/check-imports.ts';
import { codeOnly } from '#scripts/source-files.ts';

const faults = (path: string, text: string): readonly string[] => findFaults([{ path, text }]).map((f) => f.what);

describe('who may import whom', () => {
  const IN_ORDER: readonly (readonly [path: string, text: string])[] = [
    ['core/a.ts', "import { b } from './b.ts';"],
    ['tpm2/a.ts', "import type { Bytes } from '#core/bytes.ts';"],
    ['pki/issuer.ts', "import { checkCsr } from '#pki/x509/csr.ts';"],
    ['pki/issuer.ts', "import { checkCsr } from './x509/csr.ts';"],
    ['attestation/a.ts', "import { createHash } from 'node:crypto';"],
    ['services/join/a.ts', "import { a } from '#services/audit/log.ts';"],
    ['services/join/a.ts', "import express from 'express';"],
    ['services/compose/service.ts', "import { a } from '#services/join/a.ts';"],
    ['services/commands/init.ts', "import { a } from '#pki/ceremony.ts';"],
    ['cli/server-commands.ts', "await import('#services/commands/init.ts');"],
    ['tpm2/commands/a.ts', "import { a } from '../constants.ts';"],
    ['test/a.test.ts', "import { a } from '#services/join/a.ts';\nimport request from 'supertest';"],
  ];

  test.each(IN_ORDER)('%s is in order: %s', (path, text) => {
    expect(faults(path, text)).toEqual([]);
  });

  const BROKEN: readonly (readonly [path: string, text: string])[] = [
    ['core/a.ts', "import { b } from '#tpm2/b.ts';"],
    ['core/a.ts', "import { z } from 'zod';"],
    ['core/a.ts', "import { readFileSync } from 'node:fs';"],
    ['tpm2/a.ts', "import type { Join } from '#protocol/join.ts';"],
    ['protocol/a.ts', "import { verify } from '#attestation/verify.ts';"],
    ['pki/x509/a.ts', "import { issuer } from '#pki/issuer.ts';"],
    ['pki/issuer.ts', "import * as x509 from '@peculiar/x509';"],
    ['pki/x509/csr.ts', "import * as x509 from '@peculiar/x509';"],
    ['attestation/a.ts', "import { connect } from 'node:net';"],
    ['attestation/a.ts', "import { readFile } from 'node:fs/promises';"],
    ['attestation/a.ts', "import { issuer } from '#pki/issuer.ts';"],
    ['services/join/a.ts', "import { a } from '#services/admin/a.ts';"],
    ['services/http/a.ts', "import { a } from '#attestation/result.ts';"],
    ['services/compose/service.ts', "import { a } from '#agent/csr.ts';"],
    ['agent/a.ts', "import { a } from '#attestation/result.ts';"],
    ['agent/a.ts', "import express from 'express';"],
    ['cli/a.ts', "import { a } from '#services/compose/service.ts';"],
    ['cli/a.ts', "await import('#services/commands/init.ts');"],
    ['cli/server-commands.ts', "import { init } from '#services/commands/init.ts';"],
    ['cli/server-commands.ts', "await import('#services/compose/service.ts');"],
    ['pki/a.ts', "import { lab } from '#test/lab/ca.ts';"],
    ['core/a.ts', "import { b } from './b';"],
    ['tpm2/a.ts', "import { b } from '../core/bytes.ts';"],
    ['core/a.ts', "import {\n  one,\n  two,\n} from '#pki/b.ts';"],
    ['core/a.ts', "export { b } from '#pki/b.ts';"],
  ];

  test.each(BROKEN)('%s breaks the table: %s', (path, text) => {
    expect(faults(path, text)).toHaveLength(1);
  });
});

describe('the mechanical rules', () => {
  const IN_ORDER: readonly (readonly [path: string, text: string])[] = [
    ['core/clock.ts', 'export const now = () => new Date();'],
    ['services/main.ts', 'const at = Date.now();'],
    ['core/a.ts', 'const at = new Date(text);'],
    ['core/a.ts', '// never Date.now here'],
    ['core/a.ts', "const text = 'export default process.env Date.now()';"],
    ['cli/config.ts', 'const env = process.env;'],
    ['attestation/appraise.ts', 'mintAdmission(facts);'],
    ['pki/issuer.ts', 'redeemAdmission(admission);'],
    ['core/ids.ts', 'return text as NodeName;'],
    ['core/random.ts', 'return randomBytes(32);'],
    ['vitest.config.ts', 'export default {};'],
    ['test/a.test.ts', 'const at = Date.now(); const n = "a" as NodeName;'],
  ];

  test.each(IN_ORDER)('%s is in order: %s', (path, text) => {
    expect(faults(path, text)).toEqual([]);
  });

  const BROKEN: readonly (readonly [path: string, text: string])[] = [
    ['core/index.ts', ''],
    ['core/a.ts', "export * from './b.ts';"],
    ['core/a.ts', 'export default 1;'],
    ['services/join/a.ts', 'const at = Date.now();'],
    ['services/join/a.ts', 'const at = new Date();'],
    ['services/join/a.ts', 'const text = `${new Date()}`;'],
    ['services/join/a.ts', 'const key = process.env;'],
    ['services/join/a.ts', 'mintAdmission(facts);'],
    ['attestation/appraise.ts', 'redeemAdmission(admission);'],
    ['services/join/a.ts', 'const name = text as NodeName;'],
    ['pki/serial.ts', 'const serial = randomBytes(20);'],
    ['services/join/a.ts', 'const id = randomUUID();'],
    ['pki/a.ts', 'const x: any = 1;'],
  ];

  test.each(BROKEN)('%s breaks a rule: %s', (path, text) => {
    expect(faults(path, text)).toHaveLength(1);
  });
});

describe('code without its comments and strings', () => {
  const ROWS: readonly (readonly [text: string, code: string])[] = [
    ["a = 'x'; // y", "a = ' ';     "],
    ['a = 1; /* x\n y */ b', 'a = 1;     \n      b'],
    ["a = `x ${f('y')} z`", "a =    ${f('y')}   "],
    ['a = /[\'"]/g.test(b); // c', 'a =        .test(b);     '],
    ['a = 1 / 2 / b', 'a = 1 / 2 / b'],
  ];

  test.each(ROWS)('%j', (text, code) => {
    expect(codeOnly(text)).toBe(code);
  });
});
