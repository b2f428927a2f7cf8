/** The listener's way to the auth service: asks `local` where it is, keeps the link for a while, gives every question a deadline. */
import type { Socket } from "node:net";
import { join } from "node:path";
import { type ByteString, toBytes } from "#bytes";
import { connectUnix, FrameLink } from "#net";
import {
  authFrames,
  type LoginAnswer,
  type LoginQuestion,
  renderQuestion,
  renderSaslQuestion,
  type SaslAnswer,
  type SaslQuestion,
} from "./auth-frames.ts";

/** A process may have to be started first. */
const whereMs = 20_000;
/** A slow hash, and others before it. */
const verdictMs = 30_000;
/** A link nobody uses would keep the service alive. */
const keepLinkMs = 20_000;
const connectMs = 5_000;

/** One SASL exchange under way. `next` is given the client's responses, one after the other, until the answer is no challenge. */
export type SaslTalk = {
  readonly next: (response: Buffer) => Promise<SaslAnswer>;
  /** The client has given up. */
  readonly cancel: () => void;
};

/** Asks about logins. Never rejects: what cannot be asked is `later`. */
export type AuthClient = {
  readonly ask: (question: LoginQuestion) => Promise<LoginAnswer>;
  readonly begin: (question: SaslQuestion) => Promise<{ readonly answer: SaslAnswer; readonly talk: SaslTalk }>;
  /** Whether a user may send a message to so many now; null: it cannot be told. */
  readonly spend: (user: ByteString, recipients: number) => Promise<boolean | null>;
  readonly close: () => void;
};

type Answer = LoginAnswer | SaslAnswer | { readonly kind: "spent"; readonly isGranted: boolean };
type Waiting = (answer: Answer) => void;
type Connected = {
  readonly link: FrameLink;
  readonly waiting: Map<number, Waiting>;
  /** Exchanges whose clients are thinking. */
  readonly talks: Set<number>;
};
type Later = LoginAnswer & { readonly kind: "later"; readonly login: "" };

const later = (reason: string): Later => ({ kind: "later", reason, login: "" });

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

function readAnswer(payload: Buffer): Answer {
  return JSON.parse(payload.toString()) as Answer; // By our own service, under a uid above ours.
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
  return { link, waiting, talks: new Set() };
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
      if (connected === null) return;
      if (connected.waiting.size === 0 && connected.talks.size === 0) connected.link.end();
      else dropUnused();
    }, keepLinkMs);
    unused.unref();
  };

  const reach = async (): Promise<Connected | null> => {
    connecting ??= connected === null ? connect().finally(() => (connecting = null)) : null;
    const on = connected ?? (await connecting);
    if (on !== null) dropUnused();
    return on;
  };

  const nextId = (): number => (lastId = (lastId % 0xffff_ffff) + 1);

  /** Sends one frame and waits for its answer. */
  const exchange = async (on: Connected, kind: number, id: number, payload: Buffer): Promise<Answer> => {
    const answer = await new Promise<Answer>((resolve) => {
      const timer = setTimeout(() => resolve(later("the auth service does not answer")), verdictMs);
      on.waiting.set(id, (said) => {
        clearTimeout(timer);
        resolve(said);
      });
      on.link.send(kind, id, payload);
      if (on.link.closed) resolve(later("the auth service has gone"));
    });
    on.waiting.delete(id);
    return answer;
  };

  const unreachable = later("the auth service cannot be reached");

  return {
    async ask(question) {
      const on = await reach();
      if (on === null) return unreachable;
      return (await exchange(on, authFrames.login, nextId(), renderQuestion(question))) as LoginAnswer;
    },
    async begin(question) {
      const on = await reach();
      if (on === null) return { answer: unreachable, talk: { next: async () => unreachable, cancel: () => {} } };
      const id = nextId();
      const step = async (kind: number, payload: Buffer): Promise<SaslAnswer> => {
        dropUnused();
        const answer = (await exchange(on, kind, id, payload)) as SaslAnswer;
        if (answer.kind === "challenge") on.talks.add(id);
        else on.talks.delete(id);
        return answer;
      };
      return {
        answer: await step(authFrames.begin, renderSaslQuestion(question)),
        talk: {
          next: (response) => step(authFrames.respond, response),
          cancel() {
            on.talks.delete(id);
            on.link.send(authFrames.cancel, id);
          },
        },
      };
    },
    async spend(user, recipients) {
      const on = await reach();
      if (on === null) return null;
      const said = await exchange(on, authFrames.spend, nextId(), toBytes(`${user}\0${recipients}`));
      return said.kind === "spent" ? said.isGranted : null;
    },
    close() {
      clearTimeout(unused);
      connected?.link.destroy();
    },
  };
}
