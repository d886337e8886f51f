import { parse, stringify } from 'yaml';
import { z } from 'zod';

/** What `muster policy capture` wrote, as far as it is put together with others here. */
export const demandsSchema = z.looseObject({
  boot: z.looseObject({
    bootApplications: z.looseObject({ stages: z.array(z.array(z.string())) }),
    commandLines: z.looseObject({ exact: z.array(z.string()) }),
    grubCommands: z.array(z.string()),
    loaderFiles: z.array(z.string()),
  }),
  ima: z.looseObject({ files: z.record(z.string(), z.array(z.string())) }),
});
export type Demands = z.output<typeof demandsSchema>;

/** The firmware and its settings; the event log and the IMA list judge the rest. */
export const REFERENCE_PCRS = [0, 1, 2, 3, 6];

/** What an operator widens in captured demands: what differs from machine to machine and from boot to boot, and holds no programs. */
export const WIDENED = {
  violations: 'allow-excluded',
  excludes: [
    '/run/',
    '/var/log/',
    '/var/cache/',
    '/var/lib/cloud/',
    '/var/lib/dbus/',
    '/var/lib/systemd/',
    '/etc/muster/',
    '/etc/machine-id',
    '/etc/hostname',
    '/etc/hosts',
  ],
};

/** Nothing is known yet: what a pool asks for before its first machine was captured. */
const FIRST = {
  boot: { commandLines: { exact: [] }, loaderFiles: [], mok: 'empty' },
  ima: { measurementPolicy: { commandLineTokens: ['ima_policy=tcb'] } },
};

export const parseDemands = (text: string): Demands => demandsSchema.parse(parse(text));

/** The demands that accept what either accepts. */
export function either(one: Demands, other: Demands): Demands {
  const both = (left: readonly string[], right: readonly string[]): string[] => [...new Set([...left, ...right])];
  const stages = one.boot.bootApplications.stages.map((stage, at) =>
    both(stage, other.boot.bootApplications.stages[at] ?? []),
  );
  const paths = both(Object.keys(one.ima.files), Object.keys(other.ima.files));
  return {
    boot: {
      ...one.boot,
      bootApplications: { stages },
      commandLines: {
        ...one.boot.commandLines,
        exact: both(one.boot.commandLines.exact, other.boot.commandLines.exact),
      },
      grubCommands: both(one.boot.grubCommands, other.boot.grubCommands),
      loaderFiles: both(one.boot.loaderFiles, other.boot.loaderFiles),
    },
    ima: {
      ...one.ima,
      files: Object.fromEntries(
        paths.map((path) => [path, both(one.ima.files[path] ?? [], other.ima.files[path] ?? [])]),
      ),
    },
  };
}

/** The policy file of a pool that demands boot and files by the logs, and the firmware by reference values. */
export function poolPolicy(demands: Demands | undefined, referenceValues: readonly string[]): string {
  const { boot, ima } = demands ?? FIRST;
  return stringify({
    apiVersion: 'muster/v1',
    kind: 'Policy',
    pools: {
      general: {
        protectionRating: 'default',
        segments: ['127.0.0.0/8'],
        certificateTtl: '1h',
        tpm2: {
          pcrs: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14],
          referencePcrs: REFERENCE_PCRS,
          referenceValues,
          boot,
          ima: demands === undefined ? ima : { ...ima, ...WIDENED },
          ekAnchors: ['ek-anchors/makers.pem'],
          allowSoftwareTpm: true,
        },
      },
    },
  });
}
