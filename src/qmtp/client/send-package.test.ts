import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { done } from "#mail";
import { connectTcp } from "#net";
import { serveQmtp } from "../netstring-protocols-qmtpd.ts";
import type { Posting } from "../posting.ts";
import { type QmtpPackage, sendQmtpPackage } from "./send-package.ts";

const ioMs = 10_000;

async function serverOf(t: TestContext, serve: (socket: Socket) => void): Promise<() => Promise<Socket>> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return async () => {
    const { port } = server.address() as AddressInfo;
    const socket = await connectTcp({ host: "127.0.0.1", port }, ioMs);
    assert.ok("write" in socket);
    return socket;
  };
}

const packageOf = (text: string, ...recipients: readonly string[]): QmtpPackage => ({
  sender: "joe@here.test",
  recipients,
  sizeBytes: text.length,
  pieces: () => [Buffer.from(text.slice(0, 3), "latin1"), Buffer.from(text.slice(3), "latin1")],
});

test("our client and our qmail-qmtpd understand each other, octet by octet", async (t) => {
  const posted: { text: string; to: readonly string[] }[] = [];
  const post = ({ recipients }: { readonly recipients: readonly string[] }): Posting => {
    const chunks: Uint8Array[] = [];
    return {
      write: (bytes) => void chunks.push(Buffer.from(bytes)),
      finish: async () => {
        posted.push({ text: Buffer.concat(chunks).toString("latin1"), to: recipients });
        return { ...done(), queueId: 42 };
      },
      abort: () => {},
    };
  };
  const connect = await serverOf(t, (socket) => {
    const write = async (reply: Buffer): Promise<void> => void socket.write(reply);
    const allows = (recipient: string): boolean => recipient.endsWith("@ours.test");
    const now = () => new Date(1_700_000_000_000);
    const house = { post, allows, relayClient: null, dataBytes: 0, traceLine: () => "", now, qp: 1 };
    serveQmtp(socket, write, house).catch(() => socket.end());
  });
  const text = "Subject: x\n\n\r\n.\n\0\xff no end of line";
  const result = await sendQmtpPackage(
    await connect(),
    packageOf(text, "ann@ours.test", "bob@far.test", "eve@ours.test"),
    ioMs,
  );
  assert.deepEqual(result, {
    kind: "answered",
    replies: [
      { fate: "done", text: "ok 1700000000 qp 42" },
      { fate: "permanent", text: "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)" },
      { fate: "done", text: "ok 1700000000 qp 42" },
    ],
  });
  assert.deepEqual(posted, [{ text, to: ["ann@ours.test", "eve@ours.test"] }]);
});

test("whatever a server says or leaves unsaid ends in a value, with the replies that came", async (t) => {
  let answer: Uint8Array = Buffer.alloc(0);
  const connect = await serverOf(t, (socket) => {
    socket.once("data", () => socket.end(answer));
  });
  const piece = fc.oneof(fc.constant("5:Kdone,"), fc.constant("2:Zx,"), fc.string({ maxLength: 6 }), fc.constant("3:"));
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 4 }), async (pieces) => {
      answer = Buffer.from(pieces.join(""), "latin1");
      const result = await sendQmtpPackage(await connect(), packageOf("x\n", "a@b", "c@d"), ioMs);
      assert.ok(result.kind === "answered" ? result.replies.length === 2 : result.replies.length < 2);
      if (pieces[0] === "5:Kdone,") assert.deepEqual(result.replies[0], { fate: "done", text: "done" });
    }),
    { numRuns: 60 },
  );
});

test("a message that is longer or shorter than it was said to be is never sent whole", async (t) => {
  let heard = "";
  const connect = await serverOf(t, (socket) => {
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
  });
  for (const sizeBytes of [1, 10]) {
    const result = await sendQmtpPackage(await connect(), { ...packageOf("12345", "a@b"), sizeBytes }, ioMs);
    assert.equal(result.kind, "unreadable");
  }
  assert.ok(!heard.includes("joe@here.test"), "no envelope left");
});
