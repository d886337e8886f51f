import { describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { callerError } from '#services/store/sqlite/caller-error.ts';
import { StoreConflictError } from '#services/store/store-conflict-error.ts';

const sqlite = (errcode: number): Error => Object.assign(new Error('SQLite said so'), { errcode });
const transaction = (cause: Error): Error => new DependencyError('store', 'the transaction failed', { cause });

describe('what an operation threw', () => {
  test.each([
    { thrown: new StoreConflictError('serial-known'), dependency: false, fatal: false },
    { thrown: new RangeError('limit'), dependency: false, fatal: false },
    { thrown: sqlite(19), dependency: false, fatal: false },
    { thrown: sqlite(5), dependency: true, fatal: false },
    { thrown: sqlite(13), dependency: true, fatal: false },
    { thrown: sqlite(11), dependency: true, fatal: true },
    { thrown: transaction(sqlite(13)), dependency: true, fatal: false },
    { thrown: transaction(sqlite(1_034)), dependency: true, fatal: true },
    { thrown: transaction(sqlite(19)), dependency: true, fatal: false },
  ])('$thrown is the dependency’s: $dependency, and the end: $fatal', ({ thrown, dependency, fatal }) => {
    const judged = callerError(thrown);
    expect(judged.error instanceof DependencyError).toBe(dependency);
    expect(judged.fatal).toBe(fatal ? judged.error : undefined);
  });

  test('is the caller’s as it is where the call is to blame', () => {
    const thrown = new StoreConflictError('serial-known');
    expect(callerError(thrown).error).toBe(thrown);
  });
});
