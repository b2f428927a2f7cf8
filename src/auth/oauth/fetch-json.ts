/** JSON from the issuer of tokens: over TLS, or from this machine; with a deadline, a bound, and no way to be sent elsewhere. */

const patienceMs = 5_000;
const maxBytes = 256 * 1024;

/** Throws for an address that is neither https nor on this machine: an answer on the way could be anybody's. */
export function checkUrl(text: string): URL {
  const url = new URL(text);
  const isHere = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isHere)) {
    throw new Error(`${url.origin} is no https address`);
  }
  return url;
}

/** Fetches an object. Throws with the host's name and what went wrong, never with what was sent. */
export async function fetchJson(text: string, init: RequestInit = {}): Promise<Readonly<Record<string, unknown>>> {
  const url = checkUrl(text);
  try {
    const signal = AbortSignal.timeout(patienceMs);
    const response = await fetch(url, { ...init, redirect: "error", signal });
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of response.body as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      if (bytes > maxBytes) throw new Error("too long an answer");
      pieces.push(piece);
    }
    const value: unknown = JSON.parse(Buffer.concat(pieces).toString("utf8"));
    if (typeof value !== "object" || value === null) throw new Error("no JSON object");
    return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${url.host} cannot be asked about tokens: ${why}`, { cause });
  }
}
