/**
 * The system's crypt(3), for formats we do not write ourselves (yescrypt, which Debian makes by default; bcrypt; DES): faster
 * than any JavaScript, and off the event loop. Through koffi, an optional dependency; without it those formats wait.
 */
import { createRequire } from "node:module";
import { type ByteString, toBytes } from "#bytes";

/** glibc's own struct crypt_data has 131232 bytes, libxcrypt's 32768. */
const dataBytes = 132 * 1024;
/** A failed call gives NULL, or one of these in place of a hash. */
const failure = /^\*[01]/;

type Crypt = (secret: Buffer, setting: Buffer, data: Buffer) => Promise<string | null>;

let native: Crypt | null | undefined;

/** Buffers of calls under way: koffi keeps no hold on them. */
const underWay = new Set<readonly Buffer[]>();

function cryptR(): Crypt | null {
  if (native !== undefined) return native;
  native = null;
  if (process.platform !== "linux") return native;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    for (const name of ["libcrypt.so.1", "libcrypt.so.2"]) {
      try {
        const call = koffi.load(name).func("crypt_r", "str", ["void *", "void *", "void *"]);
        native = (secret, setting, data) =>
          new Promise((resolve, reject) => {
            call.async(secret, setting, data, (error: Error | null, text: string | null) =>
              error === null ? resolve(text) : reject(error),
            );
          });
        break;
      } catch {
        // The next name, or none: then only our own formats are known.
      }
    }
  } catch {
    // No koffi: the same.
  }
  return native;
}

/** True if the system's crypt(3) is to be had. */
export function hasLibcrypt(): boolean {
  return cryptR() !== null;
}

/** The hash of `secret` by the setting of a stored hash; null if the system has no crypt(3) or not this format. */
export async function libCrypt(secret: ByteString, setting: ByteString): Promise<ByteString | null> {
  const crypt = cryptR();
  if (crypt === null || secret.includes("\0") || setting.includes("\0")) return null;
  const buffers = [toBytes(`${secret}\0`), toBytes(`${setting}\0`), Buffer.alloc(dataBytes)] as const;
  underWay.add(buffers);
  try {
    const text = await crypt(...buffers);
    return text === null || failure.test(text) ? null : text;
  } finally {
    underWay.delete(buffers);
    for (const buffer of buffers) buffer.fill(0);
  }
}
