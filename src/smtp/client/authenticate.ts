import { type ByteString, toBytes } from "#bytes";
import type { LineWire } from "#net";
import { type Extensions, readReply, type ServerReply } from "./reply.ts";

/** What we prove ourselves with to a relay. Byte strings. */
export type Credentials = { readonly user: ByteString; readonly password: ByteString };

/** `null`: the server takes us. `impossible`: it offers no way that does not show the password to everyone on the path. */
export type AuthResult = ServerReply | "impossible" | null;

const accepted = 235;
const goOn = 334;

const base64 = (text: ByteString): string => toBytes(text).toString("base64");

async function ask(wire: LineWire, line: string): Promise<ServerReply> {
  wire.write(`${line}\r\n`);
  return readReply(wire);
}

const verdict = (reply: ServerReply): AuthResult => (reply.code === accepted ? null : reply);

/** RFC 4616, with the initial response. */
async function plain(wire: LineWire, { user, password }: Credentials): Promise<AuthResult> {
  return verdict(await ask(wire, `AUTH PLAIN ${base64(`\0${user}\0${password}`)}`));
}

/** The oldest way, never standardised: the server asks for both in turn. */
async function login(wire: LineWire, { user, password }: Credentials): Promise<AuthResult> {
  const first = await ask(wire, "AUTH LOGIN");
  if (first.code !== goOn) return first;
  const second = await ask(wire, base64(user));
  return second.code === goOn ? verdict(await ask(wire, base64(password))) : second;
}

/** RFC 2195: the password is proved, not shown. */
async function cramMd5(wire: LineWire, { user, password }: Credentials): Promise<AuthResult> {
  const challenge = await ask(wire, "AUTH CRAM-MD5");
  if (challenge.code !== goOn) return challenge;
  const nonce = Buffer.from(challenge.text.slice(4).trim(), "base64");
  const { createHmac } = await import("node:crypto"); // Loaded by whoever needs it: few relays ask.
  const digest = createHmac("md5", toBytes(password)).update(nonce).digest("hex");
  return verdict(await ask(wire, base64(`${user} ${digest}`)));
}

/** AUTH (RFC 4954). Without `isPrivate` only ways that do not show the password are taken. Throws WireError. */
export async function authenticate(
  wire: LineWire,
  extensions: Extensions,
  credentials: Credentials,
  isPrivate: boolean,
): Promise<AuthResult> {
  const offered = new Set((extensions.get("AUTH") ?? "").toUpperCase().split(" "));
  if (isPrivate && offered.has("PLAIN")) return plain(wire, credentials);
  if (isPrivate && offered.has("LOGIN")) return login(wire, credentials);
  return offered.has("CRAM-MD5") ? cramMd5(wire, credentials) : "impossible";
}
