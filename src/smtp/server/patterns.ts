import { type ByteString, fitsGlob, lowerAscii } from "#bytes";

type Pattern = { readonly refuses: boolean /** Lower case, split at `*`. */; readonly pieces: readonly ByteString[] };

/** The lines of a pattern file (spec 11.5), parsed; empty if there is none. */
export type Patterns = readonly Pattern[];

/** Reads lines such as `*@spam.test` and `!joe@spam.test`. */
export function parsePatterns(lines: readonly ByteString[]): Patterns {
  return lines
    .map((line) => {
      const refuses = !line.startsWith("!");
      return { refuses, pieces: lowerAscii(refuses ? line : line.slice(1)).split("*") };
    })
    .reverse();
}

/** Whether the last line that fits a word, in whatever case, refuses it; a line with `!` allows. No line fits: it is allowed. */
export function isRefused(patterns: Patterns, word: ByteString): boolean {
  if (patterns.length === 0) return false;
  const lower = lowerAscii(word);
  return patterns.find(({ pieces }) => fitsGlob(lower, pieces))?.refuses ?? false;
}
