import { createHash } from "node:crypto";
import { fromBytes } from "#bytes";
import type { Canonicalization } from "./canonical-header.ts";

/** The SHA-256 of a body in canonical form (RFC 6376 §3.7), made piece by piece. */
export type BodyHasher = {
  /** Takes the next octets of the body, LF line ends. */
  push(bytes: Buffer): void;
  /** The hash, and how long the canonical body is (what `l=` counts). */
  end(): { readonly digest: Buffer; readonly canonicalBytes: number };
};

/** Held-back empty lines are given out in portions: a body of nothing but LFs must not become one huge string. */
const linesAtOnce = 8_192;
const emptyLines = "\r\n".repeat(linesAtOnce);

const lf = 0x0a;
const space = 0x20;
const tab = 0x09;

/** A hasher for one canonicalization; with `limit` (l=) only so many canonical octets are hashed. */
export function bodyHasher(how: Canonicalization, limit: number | null = null): BodyHasher {
  const hash = createHash("sha256");
  let canonicalBytes = 0;
  const put = (text: string): void => {
    const room = limit === null ? text.length : Math.max(0, limit - canonicalBytes);
    canonicalBytes += text.length;
    if (room > 0) hash.update(room < text.length ? text.slice(0, room) : text, "latin1");
  };
  const putLines = (count: number): void => {
    let left = count;
    for (; left > linesAtOnce; left -= linesAtOnce) put(emptyLines);
    if (left > 0) put(emptyLines.slice(0, 2 * left));
  };
  const canonical = how === "simple" ? simpleBody(put, putLines) : relaxedBody(put, putLines);
  return {
    push: canonical.push,
    end() {
      canonical.end();
      return { digest: hash.digest(), canonicalBytes };
    },
  };
}

type Canonical = { readonly push: (bytes: Buffer) => void; readonly end: () => void };
type Put = (text: string) => void;
type PutLines = (count: number) => void;

/** RFC 6376 §3.4.3: empty lines at the end go; what is left ends in one CRLF, even if it is nothing. */
function simpleBody(put: Put, putLines: PutLines): Canonical {
  let held = 0;
  return {
    push(bytes) {
      let last = bytes.length;
      while (last > 0 && bytes[last - 1] === lf) last--;
      if (last > 0) {
        putLines(held);
        held = 0;
        put(fromBytes(bytes.subarray(0, last)).replaceAll("\n", "\r\n"));
      }
      held += bytes.length - last;
    },
    end: () => put("\r\n"),
  };
}

/**
 * RFC 6376 §3.4.4: blanks at line ends go, runs of blanks are one space, empty lines at the end go; a body that has something ends
 * in CRLF. What is held back between pieces is a run of blanks and LFs, as a count and a flag: no run is too long.
 */
function relaxedBody(put: Put, putLines: PutLines): Canonical {
  let heldLines = 0;
  let heldBlank = false;
  let any = false;
  const hold = (bytes: Buffer, from: number, to: number): void => {
    for (let at = from; at < to; at++) {
      if (bytes[at] === lf) {
        heldLines++;
        heldBlank = false;
      } else heldBlank = true;
    }
  };
  const isHeld = (octet: number | undefined): boolean => octet === lf || octet === space || octet === tab;
  return {
    push(bytes) {
      let first = 0;
      while (first < bytes.length && isHeld(bytes[first])) first++;
      hold(bytes, 0, first);
      if (first === bytes.length) return;
      let last = bytes.length;
      while (isHeld(bytes[last - 1])) last--;
      putLines(heldLines);
      const text = fromBytes(bytes.subarray(first, last));
      const lines = text
        .replace(/[ \t]{2,}|\t/g, " ")
        .replaceAll(" \n", "\n")
        .replaceAll("\n", "\r\n");
      put(heldBlank ? ` ${lines}` : lines);
      any = true;
      heldLines = 0;
      heldBlank = false;
      hold(bytes, last, bytes.length);
    },
    end() {
      if (any) put("\r\n");
    },
  };
}
