import type { ByteString } from "#bytes";
import type { SmtpControls } from "./controls.ts";
import type { Surroundings } from "./house.ts";

/** The peer as its surroundings describe it. */
export type Client = {
  /** `unknown` if not given. */
  readonly ip: ByteString;
  readonly host: ByteString;
  /** IDENT answer or login name. */
  readonly info: ByteString | null;
  /** What our end is called in Received: TCPLOCALHOST, else TCPLOCALIP, else `unknown`. */
  readonly localName: ByteString;
  /** RELAYCLIENT: null if unset; else it may send anywhere, and this is appended to every recipient (spec G14). */
  readonly relay: ByteString | null;
  /** Largest message in stored bytes; 0: no limit. DATABYTES beats the control file (Q-036, G46). */
  readonly maxBytes: number;
  /** FORCE_TLS: no mail is taken from it in the clear (spec 11.4). */
  readonly mustSecure: boolean;
};

const offWords: ReadonlySet<string> = new Set(["", "0"]);

/** Reads the surroundings of a connection. */
export function clientOf(surroundings: Surroundings, controls: SmtpControls): Client {
  const limit = surroundings.get("DATABYTES");
  return {
    ip: surroundings.get("TCPREMOTEIP") ?? "unknown",
    host: surroundings.get("TCPREMOTEHOST") ?? "unknown",
    info: surroundings.get("TCPREMOTEINFO") ?? null,
    localName: surroundings.get("TCPLOCALHOST") ?? surroundings.get("TCPLOCALIP") ?? "unknown",
    relay: surroundings.get("RELAYCLIENT") ?? null,
    mustSecure: !offWords.has(surroundings.get("FORCE_TLS") ?? ""),
    maxBytes: limit === undefined ? controls.dataBytes : Number(/^\d*/.exec(limit)![0]),
  };
}
