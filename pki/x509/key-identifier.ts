import type { Bytes } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';

import type { SubjectPublicKeyInfo } from './spki.ts';

/** The key identifier that our certificates carry: the first 160 bits of SHA-256 over the subjectPublicKey's bytes (RFC 7093 §2, method 1). */
export const keyIdentifier = (spki: SubjectPublicKeyInfo): Bytes => sha256(spki.key).subarray(0, 20);
