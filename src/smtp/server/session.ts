import { WireError } from "#net";
import { splitCommand } from "../grammar/command.ts";
import { maxAuthLineBytes } from "./commands/auth.ts";
import { commands, unknownVerb } from "./commands.ts";
import type { Conversation, SessionEnd } from "./conversation.ts";
import { idle, type Phase, type Turn } from "./phase.ts";
import * as say from "./say.ts";
import { logRefused, logSession } from "./session-log.ts";

/** Longest command line with its CRLF. RFC 5321 §4.5.3.1.4 has 512, extensions add to that; an 899-byte address fits. */
const maxLineBytes = 2048;
/** A longer line is skipped up to here; who sends more is no mail client. */
const maxSkippedBytes = 1 << 20;
/** Wrong commands a session may send. People and broken clients stay below; probes and HTTP clients do not. */
const maxErrors = 20;
/** Commands that bring no message nearer, since the last accepted one: room for keep-alives, none for playing with us all day. */
const maxIdleCommands = 1000;
const idleVerbs: ReadonlySet<string> = new Set([
  "auth",
  "helo",
  "ehlo",
  "mail",
  "rset",
  "noop",
  "vrfy",
  "help",
  "xclient",
]);
/** Refused recipients since the last accepted message, for clients that may not relay (address harvesting). */
const maxBadRecipients = 100;

/** Talks to one client until it quits, hangs up or is sent away; logs the session; never throws. The caller ends the wire. */
export async function converse(talk: Conversation): Promise<SessionEnd> {
  const startedAt = Date.now();
  const end = await untilItEnds(talk);
  logSession(talk, end, (Date.now() - startedAt) / 1000);
  return end;
}

async function untilItEnds(talk: Conversation): Promise<SessionEnd> {
  try {
    const end = await run(talk);
    await talk.wire.flush();
    return end;
  } catch (error) {
    if (talk.ending !== null) return talk.ending;
    if (!(error instanceof WireError)) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      talk.house.log(`alert: smtpd: session ${talk.id}: ${what.replace(/\s*\n\s*/g, " / ")}`);
      talk.say(say.trouble);
      return "trouble";
    }
    if (error.kind !== "timeout") return "lost";
    talk.say(say.timeout);
    return "timeout";
  }
}

async function run(talk: Conversation): Promise<SessionEnd> {
  const early = await greet(talk);
  if (early !== null) return early;
  let phase: Phase = idle;
  try {
    for (;;) {
      const line = takeCommand(talk);
      if (line === undefined) {
        if (await waitForMore(talk)) continue;
        talk.sayLastWord();
        return talk.ending ?? "eof";
      }
      talk.waitingSince = null;
      const obeyed = line === null ? skipLine(talk, phase) : obey(talk, phase, line);
      const turn: Turn = obeyed instanceof Promise ? await obeyed : obeyed;
      if (phase.at === "chunks" && turn.phase.at !== "chunks") phase.intake.abort();
      phase = turn.phase;
      const end = answer(talk, turn) ?? talk.ending;
      if (end !== null) {
        talk.sayLastWord();
        return end;
      }
    }
  } finally {
    talk.waitingSince = null;
    if (phase.at === "chunks") phase.intake.abort();
  }
}

/** The greeting, at once; with greetdelay after a silence that a client must not break (spec 11.5). */
async function greet(talk: Conversation): Promise<SessionEnd | null> {
  const { greeting, greetDelayMs } = talk.house.controls;
  if (greetDelayMs > 0) {
    await talk.house.sleep(greetDelayMs);
    if (talk.wire.unreadBytes > 0) {
      talk.say(say.talksEarly);
      return "early-talker";
    }
  }
  talk.say(say.greeting(greeting));
  return null;
}

/** The next command line if it has arrived; null: it is longer than a line may be; undefined: wait, or end. */
function takeCommand(talk: Conversation): string | null | undefined {
  if (talk.ending !== null) return undefined;
  try {
    return talk.wire.takeLine(talk.mayLogIn ? maxAuthLineBytes : maxLineBytes);
  } catch (error) {
    if (error instanceof WireError && error.kind === "too-long") return null;
    throw error;
  }
}

/**
 * Sends what was answered and waits for the client; false when the session is over. The wait for a command is one wait, however many
 * octets it comes in: each restarts the wire's deadline, but not what the sweeper of trickling clients looks at.
 */
function waitForMore(talk: Conversation): Promise<boolean> | false {
  if (talk.ending !== null) return false;
  talk.waitingSince ??= Date.now();
  return talk.wire.fill();
}

function obey(talk: Conversation, phase: Phase, line: string): Turn | Promise<Turn> {
  const { verb, argument } = splitCommand(line);
  if (idleVerbs.has(verb)) talk.idleCommands++;
  return (commands.get(verb) ?? unknownVerb)(talk, phase, argument);
}

/** Reads on to the end of a line that is too long, so that its tail is not taken for a command. */
async function skipLine(talk: Conversation, phase: Phase): Promise<Turn> {
  const refusal = { reason: "line-too-long", kind: "command" } as const;
  for (let skipped = 0; skipped < maxSkippedBytes; ) {
    const piece = await talk.wire.readSome();
    if (piece === null) return { phase: idle, reply: null, end: "eof" };
    const end = piece.indexOf(0x0a);
    if (end >= 0) {
      talk.wire.unread(piece.subarray(end + 1));
      return { phase, reply: say.lineTooLong, refusal };
    }
    skipped += piece.length;
  }
  return { phase: idle, reply: say.lineTooLong, refusal, end: "line-too-long" };
}

/** Says and logs what a command led to, and counts; the reason if that ends the session. */
function answer(talk: Conversation, turn: Turn): SessionEnd | null {
  const { reply, refusal } = turn;
  if (reply === null) return turn.end ?? null;
  if (refusal !== undefined) {
    logRefused(talk, refusal, reply);
    talk.rejected++;
    if (refusal.kind === "command" && ++talk.errors > maxErrors) {
      talk.say(say.tooManyErrors);
      return "errors";
    }
    if (refusal.kind === "recipient" && talk.client.relay === null && ++talk.badRecipients > maxBadRecipients) {
      talk.say(say.tooManyBadRecipients);
      return "bad-recipients";
    }
  }
  if (talk.idleCommands > maxIdleCommands) {
    talk.say(say.tooManyErrors);
    return "errors";
  }
  talk.say(reply);
  return turn.end ?? null;
}
