import { readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { Envelope, Origin } from "#mail";
import { connectUnix } from "#net";
import type { Door, Posting } from "#qmtp";
import { latePosting } from "./late-posting.ts";

/** A way for injectors to get messages queued. Close it when the last one is answered. */
export type Poster = Door;

/** The program qmail installs as `bin/qmail-queue` on a machine without a queue ("mini-qmail", Q-242). */
const nullClient = "qmail-qmqpc";

/**
 * How an injector's messages get into a queue, decided once (spec 2.3): by the program `QMAILQUEUE` names, else as
 * `queuePoster`.
 */
export async function posterFor(env: NodeJS.ProcessEnv, home: string): Promise<Poster> {
  const { QMAILQUEUE: program } = env;
  return program === undefined ? queuePoster(home) : (await import("#qmtp")).programDoor(program, home, env);
}

/**
 * The queue of a home. One whose `bin/qmail-queue` is a link to qmail-qmqpc has none: the servers of control/qmqpservers are
 * asked. Else the queue's door; when the queue service is down, the drop folder, from which it takes the messages later.
 */
export async function queuePoster(home: string): Promise<Poster> {
  const qmtp = await import("#qmtp");
  return isNullClient(home) ? qmtp.openQmqpServers(home) : doorOrDrop(home, qmtp);
}

function isNullClient(home: string): boolean {
  try {
    return basename(readlinkSync(join(home, "bin", "qmail-queue"))) === nullClient;
  } catch {
    return false; // No such link, the usual case.
  }
}

/** What the fallback needs of `#qmtp`; a test hands in its own. */
export type QueueEntrances = {
  readonly openDoor: (home: string) => Door;
  readonly doorPath: (home: string) => string;
  readonly dropMessage: (home: string, envelope: Envelope, origin: Origin) => Posting;
};

/**
 * The queue's door while somebody answers there, else the drop folder. Whether somebody does is found out before each message
 * until one has been taken, and again after one has failed: a message's bytes can be given only once.
 */
export function doorOrDrop(home: string, entrances: QueueEntrances): Poster {
  const door = entrances.openDoor(home);
  let isKnownOpen = false;
  const choose = async (envelope: Envelope, origin: Origin): Promise<Posting> => {
    if (!isKnownOpen && !(await somebodyAnswers(entrances.doorPath(home))))
      return entrances.dropMessage(home, envelope, origin);
    const posting = door.post(envelope, origin);
    return {
      write: (bytes) => posting.write(bytes),
      async finish() {
        const answer = await posting.finish();
        isKnownOpen = answer.fate !== "temporary";
        return answer;
      },
      abort: () => posting.abort(),
    };
  };
  return { post: (envelope, origin) => latePosting(choose(envelope, origin)), close: () => door.close() };
}

async function somebodyAnswers(path: string): Promise<boolean> {
  try {
    const socket = await connectUnix(path);
    if (!("destroy" in socket)) return false;
    socket.destroy();
    return true;
  } catch {
    return false; // The folder is not there: no queue service has ever run here.
  }
}
