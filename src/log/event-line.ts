import { safe } from "./safe.ts";

/** One `key=value`; the value is made safe, an empty one is shown as `-`. Numbers and booleans as they print. */
export function field(key: string, value: string | number | boolean): string {
  const text = typeof value === "string" ? safe(value) : String(value);
  return `${key}=${text === "" ? "-" : text}`;
}

/** `session end ip=192.0.2.1 messages=2`: stable words first, then fields in the order given; undefined values are left out. */
export function eventLine(
  words: string,
  facts: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  let line = words;
  for (const key in facts) {
    const value = facts[key];
    if (value !== undefined) line += ` ${field(key, value)}`;
  }
  return line;
}
