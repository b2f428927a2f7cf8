/** The AUTHORIZATION state of POP3 (RFC 1939 §4): qmail-popup's, and ours with CAPA, AUTH and STLS. Knows no password's truth. */
import type { Duplex } from "node:stream";
import type { ByteString } from "#bytes";
import { LineWire } from "#net";
import { capabilityReply, languageReply } from "./capabilities.ts";
import { parseApop, parseCommand, parsePlain } from "./command.ts";
import type { Dialect } from "./mailbox-session.ts";
import { askClient, type BrokenOff, decodeResponse, maxSaslLineBytes, type PopSasl, type SaslVerdict } from "./sasl.ts";
import { ok, say } from "./say.ts";
import { endOf, type SessionEnd } from "./session-end.ts";

/** Room for PLAIN's three words; where other mechanisms are offered, RFC 5034 §4's own limit counts. */
const maxLineBytes = 2048;
/** Wrong words before login, after which nobody believes in a mail reader any more. */
const maxErrors = 25;

/** What a client claims. `timestamp` is the greeting's when the secret is APOP's digest, else "" (classic: always the greeting's). */
export type LoginTry = { readonly login: ByteString; readonly secret: ByteString; readonly timestamp: ByteString };

/** What this server offers before login. */
export type LoginHouse = {
  readonly dialect: Dialect;
  /** The greeting's `<...>`; null: no APOP. */
  readonly timestamp: ByteString | null;
  /** Whether a password may come in the clear over a connection that is (not) secured. */
  readonly takesPlain: (isSecure: boolean) => boolean;
  /**
   * Makes a connection secure; null: no STLS. `goAhead` tells the client so and lets go of the connection; bytes that came before that are
   * dropped. `unavailable`: it was not called.
   */
  readonly startTls: ((goAhead: () => Promise<Duplex>) => Promise<Duplex | "unavailable" | "failed">) | null;
  /** SASL mechanisms beside PLAIN; left out: there are none. */
  readonly sasl?: PopSasl;
};

/** A conversation before login. The wire changes when TLS starts. */
export type LoginTalk = { wire: LineWire; isSecure: boolean; user: ByteString | null; errors: number };

/** The next thing that matters: somebody wants in, or the conversation is over. */
export type LoginStep =
  | { readonly kind: "try"; readonly claim: LoginTry }
  | { readonly kind: "sasl"; readonly mechanism: string; readonly verdict: SaslVerdict }
  | { readonly kind: "end"; readonly end: SessionEnd };

export function newLoginTalk(wire: LineWire, isSecure = false): LoginTalk {
  return { wire, isSecure, user: null, errors: 0 };
}

type Settled = { readonly say: string; readonly isError?: true } | LoginStep;
type Answer = Settled | Promise<Settled>;
type Run = (talk: LoginTalk, house: LoginHouse, arg: ByteString) => Answer;

const wrong = (text: string): Settled => ({ say: text, isError: true });

const user: Run = (talk, house, arg) => {
  if (arg === "") return wrong(say.syntax);
  if (!house.takesPlain(talk.isSecure)) return wrong(say.plainRefused);
  talk.user = arg;
  return { say: ok };
};

const pass: Run = (talk, house, arg) => {
  const login = talk.user;
  if (login === null) return wrong(say.userFirst);
  if (arg === "") return wrong(say.syntax);
  // After a refusal the client starts again with USER (RFC 1939 §7).
  if (house.dialect === "current") talk.user = null;
  const timestamp = house.dialect === "classic" ? (house.timestamp ?? "") : "";
  return { kind: "try", claim: { login, secret: arg, timestamp } };
};

const apop: Run = (_talk, { timestamp }, arg) => {
  const words = parseApop(arg);
  if (words === null) return wrong(say.syntax);
  if (timestamp === null) return wrong(say.unimplemented);
  return { kind: "try", claim: { login: words.login, secret: words.digest, timestamp } };
};

/** What AUTH and CAPA list: PLAIN, and what the house offers beside it. */
function saslNames(talk: LoginTalk, { takesPlain, sasl }: LoginHouse): readonly string[] {
  return [...(takesPlain(talk.isSecure) ? ["PLAIN"] : []), ...(sasl?.offers(talk.isSecure) ?? [])];
}

/** Any mechanism but PLAIN. */
async function otherMechanism(
  talk: LoginTalk,
  sasl: PopSasl,
  name: string,
  initial: ByteString | undefined,
): Promise<Settled> {
  const first = initial === undefined ? null : decodeResponse(initial);
  if (initial !== undefined && first === null) return wrong(say.syntax);
  const broken: BrokenOff = { why: null };
  const verdict = await sasl.run(name, first, talk.isSecure, askClient(talk.wire, broken));
  if (verdict !== null) return { kind: "sasl", mechanism: name, verdict };
  if (broken.why === "gone") return { kind: "end", end: "hangup" };
  return wrong(broken.why === "cancelled" ? say.aborted : say.syntax);
}

const auth: Run = async (talk, house, arg) => {
  const names = saslNames(talk, house);
  if (arg === "") return { say: `${ok}${names.map((name) => `${name}\r\n`).join("")}.\r\n` };
  const [mechanism = "", initial] = arg.split(/ +/, 2);
  const name = mechanism.toUpperCase();
  if (house.sasl !== undefined && name !== "PLAIN" && names.includes(name)) {
    return otherMechanism(talk, house.sasl, name, initial);
  }
  if (name !== "PLAIN") return wrong(say.noSuchMechanism);
  if (!house.takesPlain(talk.isSecure)) return wrong(say.plainRefused);
  let response = initial;
  if (response === undefined) {
    talk.wire.write("+ \r\n");
    const line = await talk.wire.readLine(maxLineBytes);
    if (line === null) return { kind: "end", end: "hangup" };
    if (line === "*") return wrong(say.aborted);
    response = line;
  }
  // "=" is an empty response (RFC 5034 §4), and PLAIN's is never empty.
  const claim = parsePlain(response);
  return claim === null ? wrong(say.syntax) : { kind: "try", claim: { ...claim, timestamp: "" } };
};

const stls: Run = async (talk, house) => {
  if (house.startTls === null) return wrong(say.authorizationFirst);
  if (talk.isSecure) return wrong(say.tlsAlready);
  const { timeoutMs } = talk.wire;
  const secured = await house.startTls(async () => {
    talk.wire.write(ok);
    await talk.wire.flush();
    // What was sent before TLS stands in the clear and may be anybody's: it is dropped (RFC 2595 §4).
    return talk.wire.release();
  });
  if (secured === "unavailable") return wrong(say.tlsLater);
  if (secured === "failed") return { kind: "end", end: "failed" };
  talk.wire = new LineWire(secured, timeoutMs);
  talk.isSecure = true;
  talk.user = null;
  return { say: "" };
};

const quit: Run = (talk) => {
  talk.wire.write(ok);
  return { kind: "end", end: "quit" };
};

const classicCommands: ReadonlyMap<string, Run> = new Map<string, Run>([
  ["user", user],
  ["pass", pass],
  ["apop", apop],
  ["noop", () => ({ say: ok })],
  ["quit", quit],
]);

const capa: Run = (talk, house) => ({
  say: capabilityReply({
    user: house.takesPlain(talk.isSecure),
    sasl: saslNames(talk, house),
    stls: house.startTls !== null && !talk.isSecure,
    beforeLogin: true,
  }),
});

const lang: Run = (_talk, _house, arg) => {
  const reply = languageReply(arg);
  return reply === null ? wrong(say.noSuchLanguage) : { say: reply };
};

const currentCommands: ReadonlyMap<string, Run> = new Map<string, Run>([
  ...classicCommands,
  ["auth", auth],
  ["capa", capa],
  ["lang", lang],
  ["stls", stls],
  // Messages are sent as they are anyway, and logins are octets: the mode changes nothing (RFC 6856 §2).
  ["utf8", () => ({ say: ok })],
]);

/** The greeting; with a timestamp it offers APOP. */
export function greeting(timestamp: ByteString | null): string {
  return timestamp === null ? "+OK Quail\r\n" : `+OK ${timestamp}\r\n`;
}

/** Talks until somebody claims a login, or the conversation is over. After a refused claim, call it again. Never throws for a peer. */
export async function nextLogin(talk: LoginTalk, house: LoginHouse): Promise<LoginStep> {
  try {
    return await converse(talk, house);
  } catch (error) {
    const end = endOf(error);
    if (end === "line-too-long") talk.wire.write(say.tooLong);
    return { kind: "end", end };
  }
}

async function converse(talk: LoginTalk, house: LoginHouse): Promise<LoginStep> {
  const commands = house.dialect === "classic" ? classicCommands : currentCommands;
  const limit = house.sasl === undefined ? maxLineBytes : maxSaslLineBytes;
  for (;;) {
    const line = await talk.wire.readLine(limit);
    if (line === null) return { kind: "end", end: "hangup" };
    const { verb, arg } = parseCommand(line);
    const run = commands.get(verb) ?? (() => wrong(say.authorizationFirst));
    // No field of the checkpassword interface can hold a NUL.
    const answer = await (line.includes("\0") ? wrong(say.syntax) : run(talk, house, arg));
    if ("kind" in answer) return answer;
    talk.wire.write(answer.say);
    if (answer.isError && ++talk.errors >= maxErrors) {
      talk.wire.write(say.tooMany);
      return { kind: "end", end: "too-many-errors" };
    }
  }
}
