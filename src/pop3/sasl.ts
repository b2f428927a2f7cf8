/** POP3's AUTH command (RFC 5034) for mechanisms other than PLAIN: the exchange is relayed to whoever knows the accounts. */
import type { ByteString } from "#bytes";
import type { LineWire } from "#net";

/** How an exchange ends, by whoever knows the accounts. */
export type SaslVerdict = (
  | { readonly kind: "yes"; readonly user: ByteString; readonly worker: string; readonly ticket: string }
  | { readonly kind: "no"; readonly why: "wrong" | "too-many"; readonly delayMs: number }
  | { readonly kind: "later"; readonly reason: string }
) & { readonly login: ByteString };

/** Asks the client one challenge (base64); its response, or null when it will not go on. */
export type AskClient = (challenge: string) => Promise<Buffer | null>;

/** What the listener offers beside PLAIN. */
export type PopSasl = {
  /** Mechanisms in capitals, as offered now. */
  readonly offers: (isSecure: boolean) => readonly string[];
  /** Runs one exchange to its end; null: the client did not go on, or made no sense. */
  readonly run: (
    mechanism: string,
    initial: Buffer | null,
    isSecure: boolean,
    ask: AskClient,
  ) => Promise<SaslVerdict | null>;
};

/** RFC 5034 §4: a line of the exchange, base64 and CRLF. */
export const maxSaslLineBytes = 12_288;

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A response in strict base64; "=" is an empty one. Null if it is none. */
export function decodeResponse(text: ByteString): Buffer | null {
  if (text === "=") return Buffer.alloc(0);
  return base64.test(text) ? Buffer.from(text, "base64") : null;
}

/** How an exchange was broken off, if it was. */
export type BrokenOff = { why: "gone" | "cancelled" | "malformed" | null };

/** Puts challenges to a client, one after the other, and notes how it broke off. */
export function askClient(wire: LineWire, broken: BrokenOff): AskClient {
  return async (challenge) => {
    wire.write(`+ ${challenge}\r\n`);
    const line = await wire.readLine(maxSaslLineBytes);
    if (line === null || line === "*") {
      broken.why = line === null ? "gone" : "cancelled";
      return null;
    }
    const response = decodeResponse(line);
    if (response === null) broken.why = "malformed";
    return response;
  };
}
