import { isIP } from "node:net";
import { type ByteString, lowerAscii } from "#bytes";
import type { Credentials } from "#smtp/client";

/** Where mail for a host goes: to whom DNS says, or to a relay that control/smtproutes names (no MX look-up, no self check). */
export type Route =
  | { readonly kind: "mx" }
  | {
      readonly kind: "relay";
      readonly host: ByteString;
      readonly port: number;
      /** `relay:port user password`: what the relay wants to hear (spec 11.3); null if nothing. */
      readonly credentials: Credentials | null;
    };

const smtpPort = 25;
const relayForm = /^(\[[^\]]*\]|[^:]*)(?::([0-9]*))?$/;

/** `relay`, `relay:port`, `[ip]:port`, a bare IPv6 address; then, after blanks, a user and a password. */
function parseRelay(text: ByteString): Route {
  const [place = "", user = "", password = ""] = text.split(/[ \t]+/);
  if (place === "") return { kind: "mx" };
  const credentials = user === "" ? null : { user, password };
  if (isIP(place) === 6) return { kind: "relay", host: `[${place}]`, port: smtpPort, credentials };
  const match = relayForm.exec(place);
  const port = Number(match?.[2] ?? "");
  const fits = port >= 1 && port <= 65535;
  return { kind: "relay", host: match?.[1] ?? place, port: fits ? port : smtpPort, credentials };
}

/**
 * Looks a host up in smtproutes: the name itself, then each suffix from a dot on, then the empty key; the first that is
 * there decides, and an empty relay is an exception: back to MX (spec 2.8). Keys are in lower case.
 */
export function findRoute(routes: ReadonlyMap<ByteString, ByteString>, host: ByteString): Route {
  const name = lowerAscii(host);
  for (let at = 0; at >= 0; at = name.indexOf(".", at + 1)) {
    const relay = routes.get(name.slice(at));
    if (relay !== undefined) return parseRelay(relay);
  }
  return parseRelay(routes.get("") ?? "");
}
