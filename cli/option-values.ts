import { InvalidArgumentError } from 'commander';

/** Reads an option's whole number between `min` and `max`. Throws what commander turns into a usage message. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max))
      throw new InvalidArgumentError(`a whole number from ${min} to ${max} is needed.`);
    return value;
  };

/** Collects an option that may be given more than once. */
export const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
