import { DependencyError } from '#core/dependency-error.ts';

import { StoreConflictError, type StoreConflict } from '../store-conflict-error.ts';
import type { StoreOperations } from '../store-operations.ts';

export type OperationName = keyof StoreOperations;
export type Arguments = { readonly [N in OperationName]: Parameters<StoreOperations[N]> };
export type Results = { readonly [N in OperationName]: Awaited<ReturnType<StoreOperations[N]>> };
/** `StoreOperations` in the form in which the compiler can tie a call's arguments to its name. */
export type Operations = { readonly [N in OperationName]: (...args: Arguments[N]) => Promise<Results[N]> };

/** One operation asked of the worker. */
export interface Call<N extends OperationName = OperationName> {
  readonly id: number;
  readonly name: N;
  readonly args: Arguments[N];
}

export type Reply<T> =
  | { readonly id: number; readonly ok: true; readonly value: T }
  | { readonly id: number; readonly ok: false; readonly error: WireError };

/** To the worker: calls in the order they were made, or the last word. */
export type ToWorker = readonly Call[] | 'close';

/** From the worker. `failed` is its last: nothing it was asked for afterwards is done. */
export type FromWorker<T> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'replies'; readonly replies: readonly Reply<T>[] }
  | { readonly kind: 'failed'; readonly error: WireError };

/** An error as it crosses: a class does not survive structured cloning. */
export type WireError =
  | { readonly kind: 'dependency' | 'range' | 'fault'; readonly message: string; readonly cause: string | undefined }
  | { readonly kind: 'conflict'; readonly code: StoreConflict };

/** What `readError` makes an equal error of, on the other side. */
export function writeError(error: unknown): WireError {
  if (error instanceof StoreConflictError) return { kind: 'conflict', code: error.code };
  if (!(error instanceof Error)) return { kind: 'fault', message: String(error), cause: undefined };
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  const kind = error instanceof DependencyError ? 'dependency' : error instanceof RangeError ? 'range' : 'fault';
  return { kind, message: error.message, cause };
}

/** The error that `writeError` was given, of the same class. */
export function readError(error: WireError): Error {
  if (error.kind === 'conflict') return new StoreConflictError(error.code);
  const options = error.cause === undefined ? {} : { cause: new Error(error.cause) };
  if (error.kind === 'dependency') return new DependencyError('store', error.message, options);
  return error.kind === 'range' ? new RangeError(error.message, options) : new Error(error.message, options);
}
