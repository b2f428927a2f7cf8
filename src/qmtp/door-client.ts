import type { Socket } from "node:net";
import { fromBytes, toBytes } from "#bytes";
import { type Envelope, fateOfLetter, type Origin, temporary } from "#mail";
import { type ConnectFailure, connectUnix, FrameLink, maxFrameBytes } from "#net";
import { type ClientFacts, doorPath, frames, preface, renderEnvelope, renderFacts } from "./door-protocol.ts";
import type { Door, DoorAnswer, Posting } from "./posting.ts";

const noDoor: DoorAnswer = { ...temporary("qq trouble making network connection (#4.3.0)"), queueId: null };
const lostDoor: DoorAnswer = { ...temporary("communication with mail server failed (#4.4.2)"), queueId: null };

/** Body bytes in one frame; larger writes are cut. */
const bodyFrameBytes = maxFrameBytes / 4;

type Waiting = (answer: DoorAnswer) => void;
type Line = { readonly link: FrameLink; readonly waiting: Map<number, Waiting> };

/**
 * A door to the queue of `home`. Connects when first needed, keeps the connection, connects anew after the queue service was
 * restarted. An answer that cannot be had is temporary: the message may or may not be queued, as when SMTP's 250 is lost.
 * `path`: another door of the same kind.
 */
export function openDoor(home: string, path = doorPath(home)): Door {
  let line: Promise<Line | ConnectFailure> | null = null;
  let nextId = 1;

  const connect = async (): Promise<Line | ConnectFailure> => {
    const socket = await connectUnix(path);
    if (!("write" in socket)) {
      line = null;
      return socket;
    }
    return lineOver(socket, () => {
      line = null;
    });
  };

  return {
    post(envelope, origin, client) {
      const id = nextId;
      nextId = nextId === 0xffff_ffff ? 1 : nextId + 1;
      line ??= connect();
      return postOver(line, id, envelope, origin, client);
    },
    tell(counters) {
      line ??= connect();
      void line.then((open) => {
        if ("link" in open) open.link.send(frames.tell, 0, toBytes(JSON.stringify(counters)));
      });
    },
    async close() {
      const open = await line;
      line = null;
      if (open !== null && "link" in open) open.link.end();
    },
  };
}

function lineOver(socket: Socket, onClose: () => void): Line {
  const waiting = new Map<number, Waiting>();
  socket.write(preface);
  const link = new FrameLink(socket, {
    frame({ kind, id, payload }) {
      if (kind !== frames.answer) return;
      const settle = waiting.get(id);
      waiting.delete(id);
      settle?.(parseAnswer(payload));
    },
    close() {
      onClose();
      for (const settle of waiting.values()) settle(lostDoor);
      waiting.clear();
    },
  });
  return { link, waiting };
}

function parseAnswer(payload: Buffer): DoorAnswer {
  const text = fromBytes(payload);
  const fate = fateOfLetter(text.slice(0, 1));
  if (fate === null) return lostDoor;
  return fate === "done"
    ? { fate, text: "", queueId: Number(text.slice(1)) }
    : { fate, text: text.slice(1), queueId: null };
}

function postOver(
  line: Promise<Line | ConnectFailure>,
  id: number,
  envelope: Envelope,
  origin: Origin,
  client: ClientFacts | undefined,
): Posting {
  let open: Line | null = null;
  let failed: DoorAnswer | null = null;
  let answer: Promise<DoorAnswer> | null = null;
  /** Settles when the door is open and BEGIN is sent, or failed; writes that come earlier wait for it. */
  const begun = line.then((result) => {
    if (!("link" in result) || result.link.closed) {
      failed = "link" in result ? lostDoor : noDoor;
      return;
    }
    open = result;
    answer = new Promise((settle) => result.waiting.set(id, settle));
    const [begin, ...more] = renderEnvelope(envelope, origin);
    result.link.send(frames.begin, id, begin);
    for (const payload of more) result.link.send(frames.more, id, payload);
    if (client !== undefined) result.link.send(frames.about, id, renderFacts(client));
  });
  const put = (bytes: Uint8Array): Promise<void> | void => {
    if (open === null) return undefined; // The door failed; finish() says so.
    let room = true;
    for (let at = 0; at < bytes.length; at += bodyFrameBytes) {
      room = open.link.send(frames.body, id, bytes.subarray(at, at + bodyFrameBytes));
    }
    return room ? undefined : open.link.drained();
  };
  return {
    write(bytes) {
      return open !== null ? put(bytes) : begun.then(() => put(bytes));
    },
    async finish() {
      await begun;
      if (open === null || answer === null) return failed ?? noDoor;
      open.link.send(frames.end, id);
      return answer;
    },
    abort() {
      begun.then(() => {
        open?.waiting.delete(id);
        open?.link.send(frames.abort, id);
      });
    },
  };
}
