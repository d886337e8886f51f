import { DatabaseSync } from 'node:sqlite';

import { describe, expect, test } from 'vitest';

import { type SqliteFault, sqliteFault } from '#services/store/sqlite/sqlite-fault.ts';

const withCode = (errcode: number): Error => Object.assign(new Error('SQLite said so'), { errcode });

describe('an error of SQLite', () => {
  test.each<[string, number, SqliteFault]>([
    ['SQLITE_ERROR', 1, 'operation'],
    ['SQLITE_CONSTRAINT_UNIQUE', 2_067, 'operation'],
    ['SQLITE_BUSY', 5, 'transient'],
    ['SQLITE_BUSY_SNAPSHOT', 517, 'transient'],
    ['SQLITE_FULL', 13, 'transient'],
    ['SQLITE_READONLY', 8, 'transient'],
    ['SQLITE_READONLY_DBMOVED', 1_032, 'fatal'],
    ['SQLITE_IOERR', 10, 'fatal'],
    ['SQLITE_IOERR_FSYNC', 1_034, 'fatal'],
    ['SQLITE_CORRUPT', 11, 'fatal'],
    ['SQLITE_CORRUPT_INDEX', 779, 'fatal'],
    ['SQLITE_NOTADB', 26, 'fatal'],
    ['SQLITE_NOMEM', 7, 'fatal'],
    ['a code that nobody knows', 99, 'fatal'],
  ])('with code %s is told apart', (_, code, fault) => {
    expect(sqliteFault(withCode(code))).toBe(fault);
  });

  test('is recognised as node:sqlite raises it', () => {
    const database = new DatabaseSync(':memory:');
    const raised = (sql: string): unknown => {
      try {
        return database.exec(sql);
      } catch (error) {
        return error;
      }
    };
    expect(sqliteFault(raised('create table t (a integer primary key) strict'))).toBeUndefined();
    expect(sqliteFault(raised("insert into t values ('text')"))).toBe('operation');
    expect(sqliteFault(raised('not sql'))).toBe('operation');
    database.close();
  });

  test.each([[new Error('other')], ['text'], [undefined], [{ errcode: 10 }]])('is not seen in %s', (error) => {
    expect(sqliteFault(error)).toBeUndefined();
  });
});
