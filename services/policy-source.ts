import { basename, dirname, join, resolve } from 'node:path';

import { compilePolicy, type Policy, type PolicyFiles, retireReferenceValues } from '#attestation/evidence-policy.ts';
import type { Clock } from '#core/clock.ts';
import {
  policySchema,
  type PolicyDocument,
  type ReferenceValuesDocument,
  referenceValuesSchema,
} from '#protocol/policy.ts';

import { type AnchorFiles, readAnchorFiles } from './anchor-files.ts';
import { placeFaults, renderFault } from './policy-faults.ts';
import { ConfigError, readDocument, readTextFile } from '#services/config/strict-document.ts';

/** The policy in force, and why newer files are not. */
export interface PolicyStatus {
  readonly policy: Policy;
  readonly loadedAt: Date;
  readonly lastError: { readonly at: Date; readonly problems: readonly string[] } | undefined;
}

/** Holds the policy in force. A reload that fails changes nothing but `lastError`: the last good policy stays. */
export interface PolicySource {
  status(): PolicyStatus;
  /**
   * Reads the files again. True when they are in force now: `record` was given the policy and has resolved before it was. Rejects, and
   * nothing has changed, where `record` does.
   */
  reload(record: (policy: Policy) => Promise<unknown>): Promise<boolean>;
  /** From its return on, no reference values of these names admit anybody, under this policy or any later one. */
  retire(names: Iterable<string>): void;
}

/** Loads the policy at `file` for the first time. Rejects with ConfigError: without a policy there is no service. */
export async function openPolicySource(file: string, clock: Clock): Promise<PolicySource> {
  const retired = new Set<string>();
  const inForce = (policy: Policy): PolicyStatus => ({
    policy: retireReferenceValues(policy, retired),
    loadedAt: clock(),
    lastError: undefined,
  });
  let status = inForce(await readPolicy(file));
  return {
    status: () => status,
    reload: async (record) => {
      let policy: Policy;
      try {
        policy = await readPolicy(file);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const problems = placeFaults(file, error).map(renderFault);
        status = { ...status, lastError: { at: clock(), problems } };
        return false;
      }
      await record(policy);
      status = inForce(policy);
      return true;
    },
    retire: (names) => {
      for (const name of names) retired.add(name);
      status = { ...status, policy: retireReferenceValues(status.policy, retired) };
    },
  };
}

/**
 * The policy at `file` with every file it names, relative to it. Read whole or refused whole: rejects with ConfigError, and every
 * problem found, when any of them cannot be read, has a member that is not allowed, or contradicts another.
 */
export async function readPolicy(file: string): Promise<Policy> {
  const document = await readDocument(file, policySchema);
  const files = await readNamedFiles(file, document);
  const compiled = compilePolicy(document, files);
  if (compiled.ok) return compiled.policy;
  throw new ConfigError(
    file,
    compiled.errors.map(({ path, detail }) => `${path}: ${detail}`),
  );
}

async function readNamedFiles(file: string, document: PolicyDocument): Promise<PolicyFiles> {
  const pools = Object.values(document.pools);
  const problems: string[] = [];
  const referenceValues = new Map<string, ReferenceValuesDocument>();
  const anchors = new Map<string, string>();
  const referenceSigners = new Map<string, string>();
  const readEach = async <T>(names: readonly string[], into: Map<string, T>, read: (path: string) => Promise<T>) => {
    for (const name of new Set(names)) {
      try {
        into.set(name, await read(resolve(dirname(file), name)));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        problems.push(error.message);
      }
    }
  };
  await readEach(
    pools.flatMap(({ tpm2 }) => tpm2.referenceValues),
    referenceValues,
    (path) => readDocument(path, referenceValuesSchema),
  );
  const anchorFiles = new Map<string, AnchorFiles>();
  await readEach(
    pools.flatMap(({ tpm2 }) => tpm2.ekAnchors),
    anchorFiles,
    readAnchorFiles,
  );
  const anchorDirectories = new Map<string, readonly string[]>();
  for (const [name, { files, isDirectory }] of anchorFiles) {
    // A directory's files go by the directory's name as the policy has it, so that each fault names its file.
    const named = [...files].map(([path, pem]) => [isDirectory ? join(name, basename(path)) : name, pem] as const);
    for (const [file, pem] of named) anchors.set(file, pem);
    if (isDirectory)
      anchorDirectories.set(
        name,
        named.map(([file]) => file),
      );
  }
  await readEach(document.referenceSigners, referenceSigners, readTextFile);
  if (problems.length > 0) throw new ConfigError(file, problems);
  return { referenceValues, anchors, anchorDirectories, referenceSigners };
}
