import { timingSafeEqual } from "node:crypto";

/** Compares two secrets' octets; how long it takes tells nothing of where they differ (their lengths are no secret). */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
