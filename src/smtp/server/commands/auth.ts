import type { ByteString } from "#bytes";
import { WireError } from "#net";
import type { Reply } from "../../grammar/reply.ts";
import type { Conversation } from "../conversation.ts";
import { channelOf, type LoginTalk, type LoginTurn, offeredMechanisms } from "../login.ts";
import { idle, type Turn } from "../phase.ts";
import * as say from "../say.ts";
import { logLogin } from "../session-log.ts";

/** RFC 4954 §4: a line of an exchange, base64 and CRLF. */
export const maxAuthLineBytes = 12_288;
/** No mechanism here takes more turns; a client that wants to go on forever may not. */
const maxTurns = 8;
/** Wrong logins in one session, after which it is over: what goes on is no person who mistyped. */
const maxFailures = 3;

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Strict base64: what decoders disagree about is not taken. */
function decode(text: ByteString): Buffer | null {
  return base64.test(text) ? Buffer.from(text, "base64") : null;
}

/** AUTH's argument: the mechanism in capitals, and the initial response: null if there is none, "=" for an empty one. */
function readArgument(argument: ByteString): { readonly name: string; readonly initial: ByteString | null } {
  const [name = "", initial = null] = argument.trim().split(/ +/, 2);
  return { name: name.toUpperCase(), initial };
}

const command = { reason: "auth-syntax", kind: "command" } as const;
const refuse = (reply: Reply, reason: string): Turn => ({ phase: idle, reply, refusal: { reason, kind: "command" } });

/** AUTH (RFC 4954): the exchange is relayed step by step; what the client proves itself by is neither kept nor logged. */
export async function auth(talk: Conversation, argument: ByteString): Promise<Turn> {
  const { name, initial } = readArgument(argument);
  const { login, controls } = talk.house;
  if (talk.user !== null) return refuse(say.alreadyAuthenticated, "sequence");
  const offered = offeredMechanisms(talk);
  if (login === null || offered.length === 0) {
    // Where TLS would help, the client hears so (RFC 4954 §6).
    return refuse(login !== null && talk.mayLogIn ? say.encryptFirst : say.noAuth, "auth-unavailable");
  }
  if (!offered.includes(name)) return refuse(say.unknownMechanism, "auth-mechanism");
  const first = initial === null || initial === "=" ? Buffer.alloc(0) : decode(initial);
  if (first === null) return { phase: idle, reply: say.malformedAuth, refusal: command };
  const begun = await login.begin({
    ...channelOf(talk),
    mechanism: name,
    initial: initial === null ? null : first,
    ip: talk.client.ip,
    session: talk.id,
    hostName: controls.greeting,
    offersPlus: offered.some((one) => one.endsWith("-PLUS")),
  });
  first.fill(0);
  return conclude(talk, name, await exchange(talk, begun.answer, begun.talk));
}

type Conclusion =
  | Exclude<LoginTurn, { readonly kind: "challenge" }>
  | { readonly kind: "cancelled" | "gone" | "too-long" };

/** Passes challenges and responses on until there is an answer. */
async function exchange(talk: Conversation, begun: LoginTurn, login: LoginTalk): Promise<Conclusion> {
  let turn = begun;
  for (let turns = 0; turn.kind === "challenge"; turns++) {
    talk.say(say.challenge(turn.data));
    const line = await readResponse(talk);
    const response = line === null || line === "*" || line === tooLong ? null : decode(line === "=" ? "" : line);
    if (response === null || turns >= maxTurns) {
      login.cancel();
      if (line === null) return { kind: "gone" };
      if (line === tooLong) return { kind: "too-long" };
      return line === "*" ? { kind: "cancelled" } : { kind: "malformed" };
    }
    turn = await login.next(response);
    response.fill(0);
  }
  return turn;
}

/** Stands for a line longer than any response; what follows it would be taken for commands, so the session ends. */
const tooLong = Symbol("too long");

/** One line; null once the client has gone. The wait is one that the sweeper of trickling clients sees. */
async function readResponse(talk: Conversation): Promise<ByteString | typeof tooLong | null> {
  talk.waitingSince = Date.now();
  try {
    return talk.ending === null ? await talk.wire.readLine(maxAuthLineBytes) : null;
  } catch (error) {
    if (error instanceof WireError && error.kind === "too-long") return tooLong;
    throw error;
  } finally {
    talk.waitingSince = null;
  }
}

/** What the client hears in the end. A refusal comes late, so that guessing is slow. */
async function conclude(talk: Conversation, mechanism: string, end: Conclusion): Promise<Turn> {
  switch (end.kind) {
    case "gone":
      return { phase: idle, reply: null, end: talk.ending ?? "eof" };
    case "too-long":
      return { phase: idle, reply: say.lineTooLong, refusal: command, end: "line-too-long" };
    case "cancelled":
      return refuse(say.cancelledAuth, "auth-cancelled");
    case "malformed":
      return { phase: idle, reply: say.malformedAuth, refusal: command };
    case "known":
      talk.authenticate(end.user);
      logLogin(talk, "", { user: end.user, mechanism });
      return { phase: idle, reply: say.authenticated };
    case "later":
      logLogin(talk, "trouble", { user: end.login, mechanism, reason: end.reason });
      return { phase: idle, reply: say.cannotAuthenticate };
    case "no": {
      logLogin(talk, "refused", { user: end.login, mechanism, reason: end.why });
      talk.rejected++;
      await talk.house.sleep(end.delayMs);
      if (end.why === "too-many") return { phase: idle, reply: say.tooManyLogins, end: "errors" };
      const isOver = ++talk.failedLogins >= maxFailures;
      if (!isOver) return { phase: idle, reply: say.wrongLogin };
      talk.say(say.wrongLogin);
      return { phase: idle, reply: say.tooManyWrongLogins, end: "errors" };
    }
  }
}
