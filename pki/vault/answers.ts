import { z } from 'zod';

/*
 * What a Vault or OpenBao server answers, as far as a signer needs it. Servers add members from version to version, so unknown ones are
 * passed over; what is read is checked.
 */

/** `auth/<mount>/login` and `auth/token/renew-self`. */
export const authAnswerSchema = z.object({
  auth: z.object({
    client_token: z.string().min(1).max(8_192),
    /** Seconds. */
    lease_duration: z.int().min(0),
    renewable: z.boolean(),
  }),
});
export type AuthAnswer = z.output<typeof authAnswerSchema>['auth'];

/** `transit/keys/<name>`. The versions of other key types are numbers or names; this type's are objects. */
export const transitKeyAnswerSchema = z.object({
  data: z.object({
    type: z.string(),
    exportable: z.boolean(),
    allow_plaintext_backup: z.boolean(),
    keys: z.record(z.string(), z.unknown()),
  }),
});
export type TransitKey = z.output<typeof transitKeyAnswerSchema>['data'];

/** One version of an asymmetric transit key. */
export const transitKeyVersionSchema = z.object({ public_key: z.string().max(4_096) });

/** `transit/sign/<name>/sha2-256`. */
export const signAnswerSchema = z.object({ data: z.object({ signature: z.string().max(4_096) }) });

/** Every answer of status 400 and above. */
export const errorAnswerSchema = z.object({ errors: z.array(z.string()) });

/** `sys/health`. */
export const healthAnswerSchema = z.object({ initialized: z.boolean(), sealed: z.boolean() });
