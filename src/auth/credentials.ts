/** checkpassword's input: what a caller (qmail-popup) writes on descriptor 3 (spec: checkpassword interface). */
import { type ByteString, fromBytes, toBytes } from "#bytes";

/** All three fields with their NULs fit into this; more is refused. */
export const maxCredentialBytes = 512;

/** A login as it is checked. With a `timestamp` the secret may be APOP's digest; without one it is a password. */
export type Credentials = { readonly login: ByteString; readonly secret: ByteString; readonly timestamp: ByteString };

/** `login NUL secret NUL timestamp NUL`; null if a field holds a NUL or all is too long for any checkpassword. */
export function renderCredentials({ login, secret, timestamp }: Credentials): Buffer | null {
  const fields = [login, secret, timestamp];
  if (fields.some((field) => field.includes("\0"))) return null;
  const bytes = toBytes(`${fields.join("\0")}\0`);
  // checkpassword reads 512 octets and takes a full buffer for too much.
  return bytes.length < maxCredentialBytes ? bytes : null;
}

/** Reads the three fields; the NUL behind the last may be missing. Null if there are no two NULs. */
export function parseCredentials(bytes: Uint8Array): Credentials | null {
  const [login, secret, rest] = splitAtNul(fromBytes(bytes));
  if (login === undefined || secret === undefined || rest === undefined) return null;
  return { login, secret, timestamp: rest.split("\0", 1)[0] ?? "" };
}

function splitAtNul(text: ByteString): readonly (ByteString | undefined)[] {
  const first = text.indexOf("\0");
  const second = first < 0 ? -1 : text.indexOf("\0", first + 1);
  if (second < 0) return [];
  return [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)];
}
