import { toBytes } from "#bytes";
import {
  authorDomains,
  beganHere,
  bodyHasher,
  headerEnd,
  headerFields,
  keysFor,
  renderSignRequest,
  type SigningKey,
  signFrames,
  signingDomain,
} from "#checks";
import type { MessageSource } from "#mail";
import { connectUnix, FrameLink, type Networks } from "#net";
import { piecesOf } from "./message-body.ts";

/** What signing goes by; no keys: nothing is signed. */
export type SigningSettings = { readonly keys: readonly SigningKey[]; readonly networks: Networks };

/** Puts signatures before a message: the bytes that go on top of it, none where it is not ours to sign; or that it has to wait. */
export type SignOutgoing = (queueId: number, message: MessageSource) => Promise<Buffer | "later">;

/** A header longer than this is not signed: it would not fit a frame. */
const maxHeaderBytes = 512 * 1024;
/** The signer answers in milliseconds, or something is wrong. */
const answerMs = 20_000;
/** Messages whose signatures are remembered: all recipients of one come within moments. */
const maxKept = 300;

const nothing = Buffer.alloc(0);

/** Makes a signer over the socket of the signing service. Connects when first needed, and anew when it was restarted. */
export function signOutgoing(socketPath: string, settings: () => SigningSettings): SignOutgoing {
  const ask = askSigner(socketPath);
  const kept = new Map<number, Promise<Buffer | "later">>();

  const signed = async (message: MessageSource): Promise<Buffer | "later"> => {
    const { keys, networks } = settings();
    const header = await readHeader(message);
    if (header === null) return nothing;
    const fields = headerFields(header);
    const [author, ...others] = authorDomains(fields);
    const domain = author === undefined || others.length > 0 ? null : signingDomain(keys, author);
    if (domain === null || keysFor(keys, domain, Date.now() / 1000).length === 0) return nothing;
    if (!beganHere(fields, networks)) return nothing;
    const bodyHash = await hashBody(message, header.length);
    return ask(renderSignRequest({ domain, bodyHash, header }));
  };

  return (queueId, message) => {
    const before = kept.get(queueId);
    if (before !== undefined) return before;
    const answer = signed(message);
    kept.set(queueId, answer);
    if (kept.size > maxKept) kept.delete(kept.keys().next().value ?? queueId);
    // What has to wait is asked for anew, and so is what failed.
    answer.then(
      (said) => said === "later" && kept.delete(queueId),
      () => kept.delete(queueId),
    );
    return answer;
  };
}

/** The header without the empty line; null if it is too long to be signed. */
async function readHeader(message: MessageSource): Promise<Buffer | null> {
  let bytes = message.whole ?? (await message.read(0, 64 * 1024));
  for (let from = 0; ; ) {
    const end = headerEnd(bytes, from);
    if (end >= 0) return bytes.subarray(0, end);
    if (bytes.length >= message.sizeBytes) return bytes;
    if (bytes.length > maxHeaderBytes) return null;
    from = bytes.length;
    bytes = Buffer.concat([bytes, await message.read(from, 64 * 1024)]);
  }
}

async function hashBody(message: MessageSource, headerBytes: number): Promise<Buffer> {
  const hasher = bodyHasher("relaxed");
  let skip = headerBytes + 1;
  for await (const piece of message.whole === null ? piecesOf(message) : [message.whole]) {
    if (skip < piece.length) hasher.push(skip > 0 ? piece.subarray(skip) : piece);
    skip = Math.max(0, skip - piece.length);
  }
  return hasher.end().digest;
}

type Waiting = (answer: Buffer | "later") => void;

/** One connection for all requests. Every trouble is `later`: unsigned, our mail would be taken for forged. */
function askSigner(path: string): (request: Buffer) => Promise<Buffer | "later"> {
  let link: Promise<FrameLink | null> | null = null;
  let nextId = 1;
  const waiting = new Map<number, Waiting>();
  const settle = (id: number, answer: Buffer | "later"): void => {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  };
  const connect = async (): Promise<FrameLink | null> => {
    const socket = await connectUnix(path);
    if (!("write" in socket)) {
      link = null;
      return null;
    }
    return new FrameLink(socket, {
      frame: ({ kind, id, payload }) =>
        settle(id, kind === signFrames.signed ? toBytes(payload.toString("latin1")) : "later"),
      close() {
        link = null;
        for (const id of [...waiting.keys()]) settle(id, "later");
      },
    });
  };
  return async (request) => {
    link ??= connect();
    const open = await link;
    if (open === null || open.closed) return "later";
    const id = nextId;
    nextId = nextId === 0xffff_ffff ? 1 : nextId + 1;
    return new Promise((done) => {
      const timer = setTimeout(() => settle(id, "later"), answerMs);
      waiting.set(id, (answer) => {
        clearTimeout(timer);
        done(answer);
      });
      open.send(signFrames.sign, id, request);
    });
  };
}
