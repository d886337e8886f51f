import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { parseCrl } from '#pki/x509/crl.ts';
import { openCrlBuilder } from '#services/revocation/crl-builder.ts';
import { type CrlPublisher, crlPublisher } from '#services/revocation/crl-publisher.ts';
import { type JoinLab, joinLab } from '#test/lab/join-lab.ts';
import { changeNode, type Joined, joinedNode } from '#test/lab/revocation-lab.ts';

let lab: JoinLab;
let node: Joined;
const publishers: CrlPublisher[] = [];
beforeEach(async () => {
  lab = await joinLab();
  node = await joinedNode(lab, 'worker-1');
});
afterEach(async () => {
  for (const publisher of publishers.splice(0)) await publisher[Symbol.asyncDispose]();
});

/** A process that holds that it leads in `term`. After it has read what there is to list, and before it takes a number for it, `meanwhile` happens. */
function leaderIn(term: number, meanwhile: () => Promise<void> = () => Promise.resolve()): CrlPublisher {
  const { store } = lab;
  const { certificate, signer } = lab.ca.issuing;
  const publisher = crlPublisher({
    authority: { certificate, signer },
    store: {
      ...store,
      takeCrlNumber: async (...taken) => {
        await meanwhile();
        return store.takeCrlNumber(...taken);
      },
    },
    now: lab.clock.now,
    term: () => term,
    openBuilder: () => openCrlBuilder(certificate.der),
  });
  publishers.push(publisher);
  return publisher;
}

const serialsOnRecord = async (issuer: string): Promise<readonly string[]> => {
  const list = await lab.store.findCrlList(issuer);
  return list === undefined ? [] : [...parseCrl(list.der).entries.keys()];
};

describe('T-78 a replica that was overtaken while it made a list', () => {
  test('T-78 does not put a list without a revocation over one that has it', async () => {
    const newTerm = async (): Promise<void> => {
      const next = leaderIn(await lab.store.beginTerm());
      await changeNode(lab.store, node, 'bar', { at: lab.clock.now() });
      await next.refresh();
    };
    const overtaken = leaderIn(await lab.store.beginTerm(), newTerm);
    await expect(overtaken.refresh()).rejects.toMatchObject({ code: 'term-over' });
    expect(overtaken.current()).toBeUndefined();
    expect(await serialsOnRecord(overtaken.issuerKeyId)).toEqual([node.serial]);
  });

  test('T-78 does not even where nobody began a term', async () => {
    const term = await lab.store.beginTerm();
    const sameTerm = async (): Promise<void> => {
      const next = leaderIn(term);
      await changeNode(lab.store, node, 'bar', { at: lab.clock.now() });
      await next.refresh();
    };
    let passes = 0;
    const overtaken = leaderIn(term, async () => {
      passes += 1;
      if (passes === 1) await sameTerm();
    });
    await expect(overtaken.refresh()).rejects.toMatchObject({ code: 'list-overtaken' });
    expect(await serialsOnRecord(overtaken.issuerKeyId)).toEqual([node.serial]);
    await overtaken.refresh();
    expect(await serialsOnRecord(overtaken.issuerKeyId)).toEqual([node.serial]);
  });
});
