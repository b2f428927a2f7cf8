import { type ByteString, lowerAscii } from "#bytes";
import { type Catalogue, type ControlName, controlFile } from "./catalogue.ts";
import type { ControlFile, FromMe } from "./control-file.ts";
import { ControlError, readLines, readNumber, readText, readValue } from "./read.ts";

/** What a missing file with this default leaves: something, or null. */
type OrNull<F> = F extends null ? null : F extends { readonly me: "or-nothing" } ? null : never;

/** The type of a setting, after its default. */
export type SettingOf<E extends ControlFile> = E extends { readonly kind: "number" }
  ? number
  : E extends { readonly kind: "flag" }
    ? boolean
    : E extends { readonly kind: "list" }
      ? readonly ByteString[] | OrNull<E["fallback"]>
      : E extends { readonly kind: "map" }
        ? ReadonlyMap<ByteString, ByteString>
        : E extends { readonly kind: "value" | "text" }
          ? ByteString | OrNull<E["fallback"]>
          : never;

function isFromMe(fallback: unknown): fallback is FromMe {
  return typeof fallback === "object" && fallback !== null;
}

/** control/me, or what stands in for it. */
function fromMe(home: string, name: string, { me }: FromMe): ByteString | null {
  const host = readValue(home, "me");
  if (host !== null || me === "or-nothing") return host;
  if (me === "or-its-own-name") return name;
  throw new ControlError(`neither ${home}/control/${name} nor ${home}/control/me exists`);
}

/** `key:value` lines, keys lower-cased, split at the first colon; lines without one say nothing; the last of equal keys counts. */
function readMap(home: string, name: string): ReadonlyMap<ByteString, ByteString> {
  const rows = (readLines(home, name) ?? []).filter((line) => line.includes(":"));
  return new Map(rows.map((line) => [lowerKey(line), line.slice(line.indexOf(":") + 1)]));
}

const lowerKey = (line: ByteString): ByteString => lowerAscii(line.slice(0, line.indexOf(":")));

const onWords = new Set(["1", "yes", "on"]);
const offWords = new Set(["", "0", "no", "off"]);

/** What a flag file says; a word that is neither on (`1 yes on`) nor off (`0 no off`, empty) leaves the default. */
export function flagOf(word: ByteString, fallback: boolean): boolean {
  const lower = lowerAscii(word);
  return onWords.has(lower) || (fallback && !offWords.has(lower));
}

function readAny(home: string, name: string, file: ControlFile): unknown {
  switch (file.kind) {
    case "value":
      return readValue(home, name) ?? (isFromMe(file.fallback) ? fromMe(home, name, file.fallback) : file.fallback);
    case "number":
      return readNumber(home, name) ?? file.fallback;
    case "flag": {
      const word = readValue(home, name);
      return word === null ? file.fallback : flagOf(word, file.fallback);
    }
    case "list": {
      const lines = readLines(home, name);
      if (lines !== null || file.fallback === null) return lines;
      const host = fromMe(home, name, file.fallback);
      return host === null ? null : [host];
    }
    case "map":
      return readMap(home, name);
    case "text":
      return readText(home, name) ?? file.fallback;
    case "binary":
      throw new ControlError(`control/${name} is not read by hand`);
  }
}

/**
 * A setting as it is in force: the file's content, else its default (control/me where the catalogue says so; then its own name, or a
 * ControlError). Lists whose missing file means something are null then; a missing map is empty; a missing text or value
 * without default is null. Reads the disk at every call. Throws ControlError if the file is there and unreadable.
 */
export function readSetting<N extends ControlName>(home: string, name: N): SettingOf<Catalogue[N]> {
  // The kinds decide the type; `SettingOf` and `readAny` are two spellings of one table.
  return readAny(home, name, controlFile(name)) as SettingOf<Catalogue[N]>;
}
