/** Options as djb's getopt reads them. `problem` is what stands behind the program's name: `illegal option -- z`. */
export type Getopt =
  | {
      /** Letters in order with their values; "" for a letter that takes none. */
      readonly options: readonly (readonly [letter: string, value: string])[];
      /** From the first word that is no option, or behind `--`. */
      readonly rest: readonly string[];
    }
  | { readonly problem: string };

/** How a letter takes its value: none, the rest of the word or the next word, the rest of the word only. */
type Taking = "nothing" | "value" | "attached";

function takingOf(letters: string): ReadonlyMap<string, Taking> {
  const takings = [...letters.matchAll(/([^:])(:{0,2})/g)].map(
    ([, letter = "", colons = ""]) => [letter, (["nothing", "value", "attached"] as const)[colons.length]!] as const,
  );
  return new Map(takings);
}

/**
 * Reads short options: `letters` lists them, `f:` takes a value (attached or the next word), `E::` only an attached one. Reading
 * stops at the first word that is no option; `-` alone is none.
 */
export function getopt(args: readonly string[], letters: string): Getopt {
  const takings = takingOf(letters);
  const options: [string, string][] = [];
  let next = 0;
  for (let word = args[next]; word?.startsWith("-") && word !== "-"; word = args[next]) {
    next++;
    if (word === "--") break;
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!;
      const taking = takings.get(letter);
      if (taking === undefined) return { problem: `illegal option -- ${letter}` };
      if (taking === "nothing") {
        options.push([letter, ""]);
        continue;
      }
      const attached = word.slice(at + 1);
      const value = attached !== "" || taking === "attached" ? attached : args[next++];
      if (value === undefined) return { problem: `option requires an argument -- ${letter}` };
      options.push([letter, value]);
      break;
    }
  }
  return { options, rest: args.slice(next) };
}
