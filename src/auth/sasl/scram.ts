/**
 * SCRAM (RFC 5802, 7677), with channel binding to TLS 1.3 by `tls-exporter` (RFC 9266) in the -PLUS variants. Both sides prove that
 * they know the password's keys; neither shows them, and what is kept here does not let a thief log in. SMTP and POP3 carry no data
 * with success, so our own proof goes as a last challenge, answered by an empty response (RFC 5802 §5, RFC 4954 §4).
 */
import { timingSafeEqual } from "node:crypto";
import { type ByteString, fromBytes, toBytes } from "#bytes";
import { digest, hmac, type ScramHash } from "../scram-keys.ts";
import { ended, malformed, nothing, type SaslFacts, type SaslMechanism } from "./exchange.ts";
import { speaksForSelf } from "./plain.ts";
import { saslPrep } from "./sasl-prep.ts";

const bindingName = "tls-exporter";
const maxNonce = 256;

type First = {
  /** The header as it stood: it comes again, in base64, in the client's last message. */
  readonly header: ByteString;
  readonly binding: "none" | "not-offered" | "bound";
  readonly authzid: ByteString;
  readonly login: ByteString;
  readonly nonce: ByteString;
  /** Without the header. */
  readonly bare: ByteString;
};

/** RFC 5802 §5.1: `=2C` is a comma, `=3D` an equals sign, and no other `=` may stand in a name. */
function saslName(text: ByteString): ByteString | null {
  if (/=(?!2C|3D)/.test(text)) return null;
  return text.replace(/=2C/g, ",").replace(/=3D/g, "=");
}

function readBinding(flag: ByteString): First["binding"] | null {
  if (flag === "n") return "none";
  if (flag === "y") return "not-offered";
  return flag === `p=${bindingName}` ? "bound" : null;
}

/** `gs2-header client-first-message-bare`; extensions we must understand (`m=`) are none that we know. */
function readFirst(text: ByteString): First | null {
  const found = /^(n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]+))?,(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(text);
  const [, flag = "", authzid = "", bare = "", name = "", nonce = ""] = found ?? [];
  const binding = readBinding(flag);
  const [plainName, plainAuthzid] = [saslName(name), saslName(authzid)];
  const login = plainName === null ? null : saslPrep(plainName);
  if (found === null || binding === null || login === null || login === "" || plainAuthzid === null) return null;
  if (nonce.length > maxNonce) return null;
  return { header: text.slice(0, -bare.length), binding, authzid: plainAuthzid, login, nonce, bare };
}

/** What `c=` must say: the header, and behind it the channel's own octets where it is bound. */
function expectedBinding({ header, binding }: First, { tlsExporter }: SaslFacts): string {
  const data = binding === "bound" && tlsExporter !== null ? tlsExporter : nothing;
  return Buffer.concat([toBytes(header), data]).toString("base64");
}

/** Whether the client's binding is the one this mechanism is about. A client that was told we could not, although we can, has been lied to. */
function isAcceptable({ binding }: First, isPlus: boolean, facts: SaslFacts): boolean {
  if (isPlus) return binding === "bound" && facts.tlsExporter !== null;
  return binding === "none" || (binding === "not-offered" && !facts.offersPlus);
}

function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.alloc(a.length);
  for (let i = 0; i < a.length; i++) out[i] = a[i]! ^ b[i]!;
  return out;
}

/** The mechanism for one hash; `isPlus`: its variant with channel binding. */
export function scram(hash: ScramHash, isPlus: boolean): SaslMechanism {
  return async function* (initial, oracle, facts) {
    const first = readFirst(fromBytes(initial ?? (yield nothing)));
    if (first === null) return malformed;
    const { key, proven } = await oracle.scramKey(first.login, hash);
    const nonce = first.nonce + facts.nonce();
    const serverFirst = `r=${nonce},s=${key.salt.toString("base64")},i=${key.iterations}`;
    const last = fromBytes(yield toBytes(serverFirst));
    const [, withoutProof, binding, echoed, proofText = ""] =
      /^(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/=]+)$/s.exec(last) ?? [];
    const proof = Buffer.from(proofText, "base64");
    if (withoutProof === undefined || proof.length !== key.storedKey.length) return malformed;
    const whole = `${first.bare},${serverFirst},${withoutProof}`;
    const clientKey = xor(proof, hmac(hash, key.storedKey, whole));
    const fits =
      timingSafeEqual(digest(hash, clientKey), key.storedKey) &&
      echoed === nonce &&
      binding === expectedBinding(first, facts) &&
      isAcceptable(first, isPlus, facts) &&
      speaksForSelf(first.authzid, first.login);
    if (proven.kind === "later") return ended(first.login, proven);
    if (!fits || proven.kind === "no") return ended(first.login, { kind: "no" });
    const more = yield toBytes(`v=${hmac(hash, key.serverKey, whole).toString("base64")}`);
    return more.length === 0 ? ended(first.login, proven) : malformed;
  };
}
