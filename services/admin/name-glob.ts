/**
 * Whether `name` is what `glob` describes: `*` stands for any characters, `?` for one, all others for themselves. Takes time in the product of
 * the two lengths at most, whatever the pattern.
 */
export function matchesGlob(glob: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < name.length;) {
    if (glob[at] === '*') {
      star = at;
      at += 1;
      resume = index;
    } else if (glob[at] === '?' || glob[at] === name[index]) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      // The last star takes one more character, and all after it is tried again.
      at = star + 1;
      resume += 1;
      index = resume;
    } else return false;
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}
