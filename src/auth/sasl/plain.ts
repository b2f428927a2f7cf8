import { type ByteString, fromBytes, lowerAscii } from "#bytes";
import { ended, malformed, nothing, type SaslMechanism } from "./exchange.ts";
import { saslPrep } from "./sasl-prep.ts";

/** A password in the form it is compared in; one that has no such form is taken as the octets it is, for hashes older than RFC 4013. */
export const prepared = (text: ByteString): ByteString => saslPrep(text) ?? text;

/** Who speaks for somebody else is refused: no account here may act as another. */
export const speaksForSelf = (authzid: ByteString, login: ByteString): boolean =>
  authzid === "" || lowerAscii(authzid) === lowerAscii(login);

/** PLAIN (RFC 4616): `authzid NUL authcid NUL password` in one response. */
export const plain: SaslMechanism = async function* (initial, oracle) {
  const [authzid, login, secret, ...more] = fromBytes(initial ?? (yield nothing)).split("\0");
  if (authzid === undefined || login === undefined || secret === undefined || more.length > 0) return malformed;
  if (login === "" || secret === "") return malformed;
  const verdict = await oracle.password(login, secret);
  return ended(login, speaksForSelf(authzid, login) ? verdict : { kind: "no" });
};

/** LOGIN, never standardised: the server asks for both in turn, in these very words; the first may come at once. */
export const login: SaslMechanism = async function* (initial, oracle) {
  const name = fromBytes(initial ?? (yield Buffer.from("Username:")));
  const secret = fromBytes(yield Buffer.from("Password:"));
  if (name === "" || secret === "" || name.includes("\0") || secret.includes("\0")) return malformed;
  return ended(name, await oracle.password(name, secret));
};
