import { existsSync, fstatSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { utf8ToByteString } from "#bytes";
import { findHome } from "#control";
import { eventLine } from "#log";
import { isOwnAddress, joinStreams, LineWire } from "#net";
import type { Program, ProgramCall } from "#process";
import { type Door, openDoor, programDoor } from "#qmtp";
import {
  askLocal,
  Conversation,
  converse,
  type LoginHouse,
  loadSmtpControls,
  renderReply,
  type SmtpControls,
  type Surroundings,
  say,
  searchMoreRcptHosts,
} from "#smtp";
import { type TlsServer, tlsServer } from "#tls";
import { leaveWire } from "./leave-wire.ts";

/**
 * qmail-smtpd: receives mail by SMTP on stdin and stdout (spec 2.1). Run by tcpserver, port 25. Exit 0 after QUIT, else 1. Log
 * lines go to stderr (`#smtp`'s session log), unless that is the client's connection too, as under inetd.
 *
 * Recipients are checked as control/rcptcheck says; where it says nothing, only if this home has a local service to ask
 * (`run/local` exists). XCLIENT is not offered: its client's rules are tcpserver's business.
 */
export const main: Program = async (call) => {
  const home = findHome(call.env);
  const log = logTo(call);
  const controls = readControls(home, log);
  if (controls === null) {
    call.stdout.write(renderReply(say.noControls, false));
    return 1;
  }
  if (controls.rcptHosts === null && !controls.openRelay) {
    log("alert: smtpd: there is no control/rcpthosts: recipients elsewhere are refused");
  }
  const queueProgram = call.env.QMAILQUEUE;
  const door = queueProgram === undefined ? openDoor(home) : programDoor(queueProgram, home, call.env);
  const local = askLocal(home);
  try {
    return await serve(call, home, withLogin(call, controls), door, asks(home, controls) ? local.ask : null, log);
  } finally {
    local.close();
    await door.close();
  }
};

async function serve(
  call: ProgramCall,
  home: string,
  controls: SmtpControls,
  door: Door,
  checkRecipient: ReturnType<typeof askLocal>["ask"] | null,
  log: (line: string) => void,
): Promise<number> {
  const wire = new LineWire(joinStreams(call.stdin, call.stdout), controls.timeoutMs);
  const tls = tlsServer({ home, alert: (problem) => log(`alert: smtpd: ${problem}`) });
  const talk = new Conversation(
    String(call.pid),
    wire,
    {
      controls,
      role: offersLogin(call) && call.env.REQUIRE_AUTH !== undefined ? "submission" : "smtp",
      login: await loginOf(call, home),
      post: (envelope, origin) => door.post(envelope, origin),
      origin: { invoker: "network", uid: process.getuid?.() ?? 0 },
      checkRecipient,
      isOwnAddress,
      inMoreRcptHosts: searchMoreRcptHosts(home),
      readmit: null,
      tls,
      log,
      now: () => new Date(),
      sleep: (ms) => sleep(ms),
    },
    surroundingsOf(call.env),
  );
  const stop = (): void => talk.hangUp(say.shuttingDown, "shutdown");
  call.signal.addEventListener("abort", stop, { once: true });
  const end = call.env.SMTPS === undefined || (await secureFirst(talk, tls)) ? await converse(talk) : "tls";
  call.signal.removeEventListener("abort", stop);
  if (talk.tls === null) await leaveWire(talk.wire);
  else await endSecure(talk.wire);
  return end === "quit" ? 0 : 1;
}

/** SMTPS is set: TLS comes before the greeting, on a port of its own (spec 11.4). */
async function secureFirst(talk: Conversation, tls: TlsServer): Promise<boolean> {
  const secured = await tls.secure(() => talk.wire.release());
  if (secured.kind === "secure") talk.secured(secured.socket, secured.fact);
  else talk.house.log(eventLine("smtpd refuse", { ip: talk.client.ip, reason: "tls", said: secured.reason }));
  return secured.kind === "secure";
}

/** A client that does not take the last words in this time does not want them. */
const lastWordsMs = 60_000;

/** Ends TLS in words, so that nobody else can seem to have ended it (RFC 8446 §6.1). Resolves when the client has been told. */
async function endSecure(wire: LineWire): Promise<void> {
  await wire.flush().catch(() => {}); // The client is gone; there is nobody left to tell.
  const { socket } = wire;
  await new Promise<void>((done) => {
    const timer = setTimeout(done, lastWordsMs);
    const settle = (): void => {
      clearTimeout(timer);
      done();
    };
    if (socket.destroyed) settle();
    else socket.once("close", settle).end(settle);
  });
  socket.destroy();
}

/** `qmail-smtpd hostname checkprogram subprogram ...`: logins are checked by that program (spec 11.3). */
const offersLogin = ({ args }: ProgramCall): boolean => args.length >= 3;

/** What the patch offers where there is a program to check by: nothing that shows a password without TLS, but for ALLOW_INSECURE_AUTH. */
function withLogin(call: ProgramCall, controls: SmtpControls): SmtpControls {
  if (!offersLogin(call)) return controls;
  const authClear = call.env.ALLOW_INSECURE_AUTH === undefined ? "strong" : "yes";
  return { ...controls, mechanisms: ["LOGIN", "CRAM-MD5", "PLAIN"], authClear, smtpAuth: true };
}

/** The code of it is loaded by who uses it: a fork per connection pays for every file. */
async function loginOf(call: ProgramCall, home: string): Promise<LoginHouse | null> {
  const [, program, ...rest] = call.args;
  if (program === undefined || !offersLogin(call)) return null;
  const { classicLogin } = await import("./classic-login.ts");
  return classicLogin(call, home, [program, ...rest]);
}

/** The variables a session looks at, as byte strings. */
function surroundingsOf(env: NodeJS.ProcessEnv): Surroundings {
  const known = Object.entries(env).filter(
    ([name]) => name.startsWith("TCP") || name === "RELAYCLIENT" || name === "DATABYTES" || name === "FORCE_TLS",
  );
  return new Map(known.map(([name, value = ""]) => [name, utf8ToByteString(value)]));
}

function readControls(home: string, log: (line: string) => void): SmtpControls | null {
  try {
    return loadSmtpControls(home);
  } catch (error) {
    log(`alert: smtpd: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

function asks(home: string, controls: SmtpControls): boolean {
  return controls.checksRecipients ?? existsSync(join(home, "run", "local"));
}

function logTo(call: ProgramCall): (line: string) => void {
  if (isClients(call)) return () => {};
  return (line) => void call.stderr.write(`${line}\n`);
}

/** Whether what goes to stderr would reach the client: the same stream, or the same descriptor behind the process's own two. */
function isClients({ stdout, stderr }: ProgramCall): boolean {
  if (stdout === stderr) return true;
  if (stdout !== process.stdout || stderr !== process.stderr) return false;
  try {
    const [out, err] = [fstatSync(1), fstatSync(2)];
    return out.dev === err.dev && out.ino === err.ino;
  } catch {
    return true; // A closed descriptor: there is nowhere to log to.
  }
}
