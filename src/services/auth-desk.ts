/**
 * The desk of the auth service: answers logins and SASL exchanges, and is the one place where failures are counted, for all
 * listeners together. Knows no sockets; what a right login is worth (a mailbox worker, or only a name) is told to it.
 */
import { randomBytes } from "node:crypto";
import {
  checkLogin,
  type Identity,
  type LoginGuard,
  type LoginSources,
  openSaslOracle,
  type SaslEnd,
  type SaslOracle,
  saslMechanisms,
  type Verdict,
} from "#auth";
import { type ByteString, lowerAscii } from "#bytes";
import { eventLine } from "#log";
import type { LoginAnswer, LoginQuestion, LoginRefusal, SaslAnswer, SaslQuestion } from "./auth-frames.ts";

/** A client may think so long about a challenge; then its exchange is forgotten. */
const exchangeMs = 300_000;
/** Exchanges of one listener that may be open at a time: more than sessions it has. */
const maxOpen = 20_000;

/** What the desk works with. */
export type DeskParts = {
  readonly sources: LoginSources;
  readonly guard: LoginGuard;
  /** Makes the salts of those who have none; outlives the process. */
  readonly seed: Buffer;
  /** control/authmechanisms: whether this one may be used. */
  readonly allows: (mechanism: string) => boolean;
  readonly token: ((token: ByteString, login: ByteString) => Promise<Verdict>) | null;
  readonly certificate: ((names: readonly ByteString[], login: ByteString) => Promise<Verdict>) | null;
  /** Opens the mailbox of somebody who has logged in. */
  readonly admit: (
    who: Identity,
    asked: Pick<LoginQuestion, "ip" | "session" | "isSecure" | "isDoubtful">,
  ) => Promise<LoginAnswer>;
  /** Somebody has opened a mailbox from this address (POP before SMTP). */
  readonly seen: (ip: string) => void;
  readonly log: (line: string) => void;
};

/** The exchanges of one link. */
export type SaslCounter = {
  readonly begin: (id: number, question: SaslQuestion) => Promise<SaslAnswer>;
  /** Null: there is no such exchange any more. */
  readonly respond: (id: number, response: Buffer) => Promise<SaslAnswer | null>;
  readonly cancel: (id: number) => void;
  readonly close: () => void;
};

export type AuthDesk = {
  readonly login: (question: LoginQuestion) => Promise<LoginAnswer>;
  readonly openCounter: () => SaslCounter;
};

const nonceBytes = 18;
const nonce = (): string => randomBytes(nonceBytes).toString("base64url");

const later = (reason: string): SaslAnswer => ({ kind: "later", reason, login: "" });
const tooMany: LoginRefusal = { kind: "no", why: "too-many", delayMs: 0 };

/** An oracle that asks the guard first: what is not listened to is not checked either. `refused` says whether that happened. */
function guarded(oracle: SaslOracle, guard: LoginGuard, ip: string): SaslOracle & { refused: () => boolean } {
  let hasRefused = false;
  const listens = (login: ByteString): boolean => {
    if (guard.refusal(ip, lowerAscii(login), Date.now()) !== null) hasRefused = true;
    return !hasRefused;
  };
  const no: Verdict = { kind: "no" };
  return {
    refused: () => hasRefused,
    password: async (login, secret) => (listens(login) ? oracle.password(login, secret) : no),
    proof: async (login, challenge, proof) => (listens(login) ? oracle.proof(login, challenge, proof) : no),
    scramKey: async (login, hash) => {
      const found = await oracle.scramKey(login, hash);
      return listens(login) ? found : { key: found.key, proven: no };
    },
    token: async (token, login) => (listens(login) ? oracle.token(token, login) : no),
    certificate: (login) => oracle.certificate(login),
  };
}

/** What a right or wrong login means for the guard, and for the client. */
function settle(
  parts: DeskParts,
  ip: string,
  login: ByteString,
  verdict: Verdict,
): LoginRefusal | LoginAnswer | Identity {
  const { guard, log } = parts;
  const name = lowerAscii(login);
  if (verdict.kind === "yes") {
    guard.succeeded(ip, name);
    return verdict.who;
  }
  if (verdict.kind === "later") return verdict;
  const { delayMs, banned } = guard.failed(ip, name, Date.now());
  if (banned) log(eventLine("auth ban", { ip }));
  return { kind: "no", why: "wrong", delayMs };
}

async function answerLogin(parts: DeskParts, question: LoginQuestion): Promise<LoginAnswer> {
  const { ip, login } = question;
  if (parts.guard.refusal(ip, lowerAscii(login), Date.now()) !== null) return tooMany;
  const settled = settle(parts, ip, login, await checkLogin(question, parts.sources));
  if ("kind" in settled) return settled;
  const answer = await parts.admit(settled, question);
  if (answer.kind === "yes") parts.seen(ip);
  return answer;
}

async function finish(
  parts: DeskParts,
  question: SaslQuestion,
  end: SaslEnd,
  wasRefused: boolean,
): Promise<SaslAnswer> {
  if (end.kind === "malformed") return end;
  const { ip } = question;
  const { login, verdict } = end;
  if (wasRefused) return { ...tooMany, login };
  const settled = settle(parts, ip, login, verdict);
  if ("kind" in settled) return { ...settled, login };
  if (question.purpose === "sending") return { kind: "known", user: settled.user, login };
  const answer = await parts.admit(settled, { ...question, isDoubtful: false });
  if (answer.kind === "yes") parts.seen(ip);
  return { ...answer, login };
}

type Open = {
  readonly question: SaslQuestion;
  readonly steps: AsyncGenerator<Buffer, SaslEnd, Buffer>;
  readonly wasRefused: () => boolean;
  readonly timer: NodeJS.Timeout;
  /** A step is under way: a second response before its challenge is nobody's of ours. */
  busy: boolean;
};

function openCounter(parts: DeskParts): SaslCounter {
  const open = new Map<number, Open>();
  const forget = (id: number): void => {
    const exchange = open.get(id);
    if (exchange === undefined) return;
    clearTimeout(exchange.timer);
    open.delete(id);
  };

  const advance = async (id: number, exchange: Open, response: Buffer): Promise<SaslAnswer> => {
    exchange.busy = true;
    try {
      const step = await exchange.steps.next(response);
      if (step.done !== true) return { kind: "challenge", data: step.value.toString("base64") };
      forget(id);
      return await finish(parts, exchange.question, step.value, exchange.wasRefused());
    } catch (error) {
      forget(id);
      return later(error instanceof Error ? error.message : String(error));
    } finally {
      exchange.busy = false;
    }
  };

  return {
    async begin(id, question) {
      const { mechanism, ip, certificate } = question;
      const run = saslMechanisms.get(mechanism);
      if (run === undefined || !parts.allows(mechanism) || open.has(id)) return { kind: "malformed" };
      if (open.size >= maxOpen) return later("too many logins at once");
      if (parts.guard.refusal(ip, "", Date.now()) === "banned") return { ...tooMany, login: "" };
      const proveBy = parts.certificate;
      const oracle = guarded(
        openSaslOracle(parts.sources, parts.seed, {
          token: parts.token,
          certificate: proveBy === null || certificate.length === 0 ? null : (login) => proveBy(certificate, login),
        }),
        parts.guard,
        ip,
      );
      const { hostName, tlsExporter, offersPlus } = question;
      const facts = { hostName, tlsExporter, offersPlus, nonce };
      const exchange: Open = {
        question: { ...question, initial: null },
        steps: run(question.initial, oracle, facts),
        wasRefused: oracle.refused,
        timer: setTimeout(() => forget(id), exchangeMs),
        busy: false,
      };
      exchange.timer.unref();
      open.set(id, exchange);
      return advance(id, exchange, Buffer.alloc(0)); // The first `next` only starts it; its argument goes nowhere.
    },
    async respond(id, response) {
      const exchange = open.get(id);
      return exchange === undefined || exchange.busy ? null : advance(id, exchange, response);
    },
    cancel: forget,
    close() {
      for (const id of [...open.keys()]) forget(id);
    },
  };
}

export function openAuthDesk(parts: DeskParts): AuthDesk {
  return {
    login: (question) => answerLogin(parts, question),
    openCounter: () => openCounter(parts),
  };
}
