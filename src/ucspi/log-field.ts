import { type ByteString, utf8ToByteString } from "#bytes";

/** A field longer than this is cut, and shows it. */
const maxFieldBytes = 100;

/** A field of a log line: what could be taken for the line's own marks, and what is not printable ASCII, is shown as `?`. */
export function logField(text: string | undefined): string {
  if (text === undefined || text === "") return "";
  const bytes: ByteString = utf8ToByteString(text);
  const shown = bytes.slice(0, maxFieldBytes).replace(/[^\x21-\x7e]|[%:]/g, "?");
  return bytes.length > maxFieldBytes ? `${shown}...` : shown;
}

/** An address in a log line: as `logField`, but the colons of IPv6 stay. */
export function logAddress(ip: string): string {
  return ip.replace(/[^0-9A-Za-z.:%_-]/g, "?");
}
