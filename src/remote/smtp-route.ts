import { isIP } from "node:net";
import { type ByteString, lowerAscii } from "#bytes";
import type { Credentials } from "#smtp/client";

/** Where mail for a host goes: to whom DNS says, or to a relay that control/smtproutes names (no MX look-up, no self check). */
export type Route =
  | { readonly kind: "mx" }
  | {
      readonly kind: "relay";
      /** `qmtp` (control/qmtproutes): SMTP, at its usual port, is for when that connection does not come about. */
      readonly protocol: "smtp" | "qmtp";
      readonly host: ByteString;
      readonly port: number;
      /** `relay:port user password`: what the relay wants to hear (spec 11.3); null if nothing. */
      readonly credentials: Credentials | null;
    };

const smtpPort = 25;
const qmtpPort = 209;
const relayForm = /^(\[[^\]]*\]|[^:]*)(?::([0-9]*))?$/;

/** `relay`, `relay:port`, `[ip]:port`, a bare IPv6 address; then, after blanks, a user and a password. */
function parseRelay(text: ByteString, protocol: "smtp" | "qmtp"): Route {
  const [place = "", user = "", password = ""] = text.split(/[ \t]+/);
  if (place === "") return { kind: "mx" };
  const credentials = user === "" ? null : { user, password };
  const usual = protocol === "smtp" ? smtpPort : qmtpPort;
  if (isIP(place) === 6) return { kind: "relay", protocol, host: `[${place}]`, port: usual, credentials };
  const match = relayForm.exec(place);
  const port = Number(match?.[2] ?? "");
  const fits = port >= 1 && port <= 65535;
  return { kind: "relay", protocol, host: match?.[1] ?? place, port: fits ? port : usual, credentials };
}

/** The two files of routes. Keys are in lower case. */
export type Routes = {
  readonly smtp: ReadonlyMap<ByteString, ByteString>;
  readonly qmtp: ReadonlyMap<ByteString, ByteString>;
};

/**
 * Looks a host up in qmtproutes and smtproutes: the name itself, then each suffix from a dot on, then the empty key; the first that
 * is there decides, qmtproutes before smtproutes where both have it. An empty relay is an exception: back to MX (spec 2.8).
 */
export function findRoute({ smtp, qmtp }: Routes, host: ByteString): Route {
  const name = lowerAscii(host);
  for (let at = 0; at >= 0; at = name.indexOf(".", at + 1)) {
    const route = routeOf({ smtp, qmtp }, name.slice(at));
    if (route !== null) return route;
  }
  return routeOf({ smtp, qmtp }, "") ?? { kind: "mx" };
}

function routeOf({ smtp, qmtp }: Routes, key: ByteString): Route | null {
  const quick = qmtp.get(key);
  if (quick !== undefined) return parseRelay(quick, "qmtp");
  const relay = smtp.get(key);
  return relay === undefined ? null : parseRelay(relay, "smtp");
}
