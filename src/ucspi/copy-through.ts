import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { ByteFilter } from "./carriage-returns.ts";

/**
 * Copies a stream to another through filters, one after the other, until it ends; leaves the other open. False when it could not be
 * written any more; a stream that breaks has ended.
 */
export async function copyThrough(from: Readable, to: Writable, ...filters: readonly ByteFilter[]): Promise<boolean> {
  let isBroken = false;
  const broken = (): void => {
    isBroken = true;
    from.destroy();
  };
  to.once("error", broken).once("close", broken);
  const passed = (chunk: Buffer | null): Buffer =>
    filters.reduce<Buffer>(
      // At the end each filter gives what it held back, behind what came out of the one before.
      (bytes, filter) => (chunk === null ? Buffer.concat([filter(bytes), filter(null)]) : filter(bytes)),
      chunk ?? Buffer.alloc(0),
    );
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) await put(to, passed(chunk));
  } catch {
    // Of a connection that breaks off nothing more comes.
  }
  if (!isBroken) await put(to, passed(null)).catch(broken);
  to.off("error", broken).off("close", broken);
  return !isBroken;
}

async function put(to: Writable, bytes: Buffer): Promise<void> {
  if (bytes.length > 0 && !to.write(bytes)) await once(to, "drain");
}
