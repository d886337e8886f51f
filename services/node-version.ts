/** The oldest Node.js that the service runs on: type stripping is stable from here on, and older ones lack security fixes. */
const OLDEST: readonly [number, number] = [24, 12];

/** Why `version` (as in `process.version`) is too old, or undefined when it is not. */
export function nodeVersionFault(version: string): string | undefined {
  const [, major, minor] = /^v([0-9]+)\.([0-9]+)\.[0-9]+/.exec(version) ?? [];
  const [oldestMajor, oldestMinor] = OLDEST;
  const isEnough = Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
  return isEnough ? undefined : `Node.js ${version} is too old: ${oldestMajor}.${oldestMinor} or newer is needed`;
}
