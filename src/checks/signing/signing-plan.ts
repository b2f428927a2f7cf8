import { type ByteString, lowerAscii } from "#bytes";
import { readLines } from "#control";

/** One line of control/dkimsign: a key that signs for a domain, from when until when (Unix seconds; null: always was, for ever). */
export type SigningKey = {
  readonly domain: string;
  readonly selector: string;
  readonly fromSeconds: number | null;
  readonly untilSeconds: number | null;
};

const line = /^([a-z0-9._-]+):([a-z0-9._-]+)(?::([0-9]*)-([0-9]*))?$/;

/** `domain:selector` or `domain:selector:FROM-UNTIL`; null if it is neither. */
export function parseSigningKey(text: ByteString): SigningKey | null {
  const [, domain, selector, from = "", until = ""] = line.exec(lowerAscii(text)) ?? [];
  if (domain === undefined || selector === undefined || [domain, selector].some((name) => /^\.|\.\.|\.$/.test(name)))
    return null;
  return {
    domain,
    selector,
    fromSeconds: from === "" ? null : Number(from),
    untilSeconds: until === "" ? null : Number(until),
  };
}

/** A key's line as it stands in the file. */
export function renderSigningKey({ domain, selector, fromSeconds, untilSeconds }: SigningKey): string {
  const span = fromSeconds === null && untilSeconds === null ? "" : `:${fromSeconds ?? ""}-${untilSeconds ?? ""}`;
  return `${domain}:${selector}${span}`;
}

/** All keys of a home; none without the file. Malformed lines are left out (`quail check` tells of them). */
export function readSigningKeys(home: string): readonly SigningKey[] {
  return (readLines(home, "dkimsign") ?? []).map(parseSigningKey).filter((key) => key !== null);
}

/** The keys that sign for a domain at a time. */
export function keysFor(keys: readonly SigningKey[], domain: string, nowSeconds: number): readonly SigningKey[] {
  return keys.filter(
    (key) =>
      key.domain === domain &&
      (key.fromSeconds === null || key.fromSeconds <= nowSeconds) &&
      (key.untilSeconds === null || nowSeconds < key.untilSeconds),
  );
}

/** The domain that signs for an author: its own, else the nearest above it that has keys; null if none has. */
export function signingDomain(keys: readonly SigningKey[], author: string): string | null {
  const domains = new Set(keys.map(({ domain }) => domain));
  for (let name = author; name.includes("."); name = name.slice(name.indexOf(".") + 1))
    if (domains.has(name)) return name;
  return null;
}
