/** The listener's way to the auth service: asks `local` where it is, keeps the link for a while, gives every question a deadline. */
import type { Socket } from "node:net";
import { join } from "node:path";
import { connectUnix, FrameLink } from "#net";
import { authFrames, type LoginAnswer, type LoginQuestion, renderQuestion } from "./auth-frames.ts";

/** A process may have to be started first. */
const whereMs = 20_000;
/** A slow hash, and others before it. */
const verdictMs = 30_000;
/** A link nobody uses would keep the service alive. */
const keepLinkMs = 20_000;
const connectMs = 5_000;

/** Asks about logins. Never rejects: what cannot be asked is `later`. */
export type AuthClient = {
  readonly ask: (question: LoginQuestion) => Promise<LoginAnswer>;
  readonly close: () => void;
};

type Waiting = (answer: LoginAnswer) => void;
type Connected = { readonly link: FrameLink; readonly waiting: Map<number, Waiting> };

const later = (reason: string): LoginAnswer => ({ kind: "later", reason });

/** One question and its answer on a link of its own; empty when there is none. */
async function whereIsAuth(home: string, isDoubtful: boolean): Promise<string> {
  const socket = await connectUnix(join(home, "run", "local"), connectMs);
  if (!("write" in socket)) return "";
  return new Promise((resolve) => {
    const timer = setTimeout(() => link.destroy(), whereMs);
    const link = new FrameLink(socket, {
      frame: ({ kind, payload }) => {
        resolve(kind === authFrames.there ? payload.toString() : "");
        link.end();
      },
      close: () => {
        clearTimeout(timer);
        resolve("");
      },
    });
    link.send(authFrames.where, 1, Buffer.from(isDoubtful ? "again" : ""));
  });
}

function readAnswer(payload: Buffer): LoginAnswer {
  return JSON.parse(payload.toString()) as LoginAnswer; // By our own service, under a uid above ours.
}

function linkTo(socket: Socket, whenGone: () => void): Connected {
  const waiting = new Map<number, Waiting>();
  const link = new FrameLink(socket, {
    frame: ({ id, payload }) => {
      waiting.get(id)?.(readAnswer(payload));
      waiting.delete(id);
    },
    close: () => {
      whenGone();
      for (const settle of waiting.values()) settle(later("the auth service has gone"));
    },
  });
  return { link, waiting };
}

export function openAuthClient(home: string): AuthClient {
  let connected: Connected | null = null;
  let connecting: Promise<Connected | null> | null = null;
  let unused: NodeJS.Timeout | undefined;
  let lastId = 0;

  const connect = async (): Promise<Connected | null> => {
    for (const isDoubtful of [false, true]) {
      const path = await whereIsAuth(home, isDoubtful);
      const socket = path === "" ? null : await connectUnix(path, connectMs);
      if (socket === null || !("write" in socket)) continue;
      const made = linkTo(socket, () => {
        if (connected === made) connected = null;
      });
      connected = made;
      return made;
    }
    return null;
  };

  const dropUnused = (): void => {
    clearTimeout(unused);
    unused = setTimeout(() => {
      if (connected?.waiting.size === 0) connected.link.end();
    }, keepLinkMs);
    unused.unref();
  };

  return {
    async ask(question) {
      connecting ??= connected === null ? connect().finally(() => (connecting = null)) : null;
      const on = connected ?? (await connecting);
      if (on === null) return later("the auth service cannot be reached");
      dropUnused();
      const id = (lastId = (lastId % 0xffff_ffff) + 1);
      const answer = await new Promise<LoginAnswer>((resolve) => {
        const timer = setTimeout(() => resolve(later("the auth service does not answer")), verdictMs);
        on.waiting.set(id, (said) => {
          clearTimeout(timer);
          resolve(said);
        });
        on.link.send(authFrames.login, id, renderQuestion(question));
        if (on.link.closed) resolve(later("the auth service has gone"));
      });
      on.waiting.delete(id);
      return answer;
    },
    close() {
      clearTimeout(unused);
      connected?.link.destroy();
    },
  };
}
