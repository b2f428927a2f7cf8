import type { MessageSource } from "./delivery.ts";

/** A message that is in memory as a whole. */
export function messageInMemory(whole: Buffer): MessageSource {
  return {
    sizeBytes: whole.length,
    whole,
    read: async (offset, length) => whole.subarray(offset, offset + length),
  };
}
