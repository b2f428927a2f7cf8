import { join } from "node:path";
import { type ByteString, fromBytes, toBytes } from "#bytes";
import { connectUnix, type Frame, FrameLink } from "#net";
import type { RecipientAnswer } from "./house.ts";

/** The question and its answer on `run/local`; the same numbers as `localFrames` in room `send`, which the local service uses. */
const exists = 3;
const existence = 4;

/** How long an answer is good. `yes` may be late by half a minute after an account is closed; `no` must not turn a new user away. */
const yesMs = 30_000;
const noMs = 2_000;
const maxRemembered = 10_000;
/** Questions under way at once; more are deferred rather than held. */
const maxAsked = 10_000;
/** The local service answers within 15 s by itself. */
const answerMs = 20_000;

const answers: ReadonlyMap<string, RecipientAnswer> = new Map([
  ["yes", "yes"],
  ["no", "no"],
  ["defer", "defer"],
]);

/** The recipient check by the local service of a home. `close` lets go of the connection. */
export type LocalCheck = {
  readonly ask: (address: ByteString) => RecipientAnswer | Promise<RecipientAnswer>;
  readonly close: () => void;
};

type Asked = { readonly link: FrameLink; readonly waiting: Map<number, (answer: RecipientAnswer) => void> };

/**
 * Asks `run/local` whether there is such a mailbox, many questions at a time over one connection, made when needed. Answers
 * are remembered for a while. When the local service cannot be asked the answer is `defer`, never a guess (spec Q-271).
 */
export function askLocal(home: string, now: () => number = Date.now): LocalCheck {
  const remembered = new Map<ByteString, { readonly answer: RecipientAnswer; readonly until: number }>();
  const underWay = new Map<ByteString, Promise<RecipientAnswer>>();
  let line: Promise<Asked | null> | null = null;
  let nextId = 1;

  const connect = async (): Promise<Asked | null> => {
    // What throws here (no descriptors left, no right to a folder) is one more way of not being able to ask.
    const socket = await connectUnix(join(home, "run", "local")).catch(() => null);
    if (socket === null || !("write" in socket)) {
      line = null;
      return null;
    }
    const waiting: Asked["waiting"] = new Map();
    const link = new FrameLink(socket, {
      frame: (frame) => settle(waiting, frame),
      close() {
        line = null;
        for (const defer of waiting.values()) defer("defer");
        waiting.clear();
      },
    });
    return { link, waiting };
  };

  const put = async (address: ByteString): Promise<RecipientAnswer> => {
    line ??= connect();
    const open = await line;
    if (open === null || open.link.closed) return "defer";
    const id = nextId;
    nextId = nextId === 0xffff_ffff ? 1 : nextId + 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish("defer"), answerMs);
      const finish = (answer: RecipientAnswer): void => {
        clearTimeout(timer);
        open.waiting.delete(id);
        resolve(answer);
      };
      open.waiting.set(id, finish);
      open.link.send(exists, id, toBytes(address));
    });
  };

  const remember = (address: ByteString, answer: RecipientAnswer): void => {
    underWay.delete(address);
    if (answer === "defer") return;
    const oldest = remembered.size >= maxRemembered ? remembered.keys().next().value : undefined;
    if (oldest !== undefined) remembered.delete(oldest);
    remembered.set(address, { answer, until: now() + (answer === "yes" ? yesMs : noMs) });
  };

  return {
    ask(address) {
      const known = remembered.get(address);
      if (known !== undefined && known.until > now()) return known.answer;
      remembered.delete(address);
      const sameQuestion = underWay.get(address);
      if (sameQuestion !== undefined) return sameQuestion;
      if (underWay.size >= maxAsked) return "defer";
      const question = put(address);
      underWay.set(address, question);
      return question.then((answer) => {
        remember(address, answer);
        return answer;
      });
    },
    close() {
      void line?.then((open) => open?.link.end());
    },
  };
}

function settle(waiting: Asked["waiting"], { kind, id, payload }: Frame): void {
  if (kind !== existence) return;
  waiting.get(id)?.(answers.get(fromBytes(payload)) ?? "defer");
}
