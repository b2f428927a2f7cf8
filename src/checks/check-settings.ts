import { type ByteString, lowerAscii } from "#bytes";
import { readSetting } from "#control";
import type { Stance, Stances } from "./judge.ts";

/** The control files that say what is checked and what follows. */
export const checkControlFiles: readonly string[] = ["senderchecks", "arcsealers", "authservid", "me"];

/** They as they are used. */
export type CheckSettings = {
  readonly stances: Stances;
  readonly trustedSealers: ReadonlySet<string>;
  /** Who we are in Authentication-Results. */
  readonly authservId: ByteString;
};

const words: ReadonlyMap<string, Stance> = new Map(
  (["off", "tag", "quarantine", "reject"] as const).map((word) => [word, word]),
);

/** Reads them. An unknown word counts as `tag`: a typing error must neither refuse mail nor leave it unlooked at. */
export function loadCheckSettings(home: string): CheckSettings {
  const checks = readSetting(home, "senderchecks");
  const stance = (name: string): Stance => {
    const word = checks.get(name);
    return word === undefined ? "off" : (words.get(lowerAscii(word.trim())) ?? "tag");
  };
  return {
    stances: { spf: stance("spf"), dkim: stance("dkim"), dmarc: stance("dmarc"), arc: stance("arc") },
    trustedSealers: new Set((readSetting(home, "arcsealers") ?? []).map(lowerAscii)),
    authservId: lowerAscii(readSetting(home, "authservid") ?? "localhost"),
  };
}
