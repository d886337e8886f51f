import { fromBase64Url, isBase64Url } from '#core/bytes.ts';
import { JsonFormatError, parseStrictJson } from '#core/strict-json.ts';
import { STEP_UP_HEADER_MAX, type StepUpAssertion, stepUpAssertionSchema } from '#protocol/step-up.ts';

/** The assertion in the header's value, every member within its bounds; undefined for anything else. */
export function readStepUpHeader(value: string): StepUpAssertion | undefined {
  if (value.length === 0 || value.length > STEP_UP_HEADER_MAX || !isBase64Url(value)) return undefined;
  try {
    return stepUpAssertionSchema.safeParse(parseStrictJson(fromBase64Url(value))).data;
  } catch (error) {
    if (error instanceof JsonFormatError) return undefined;
    throw error;
  }
}
